package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/internal/clickhouse"
	"leadstream/schemas"
	"leadstream/scoring"
	"leadstream/scoring/replay"
)

// past gives workers the history they ask for: what the sink has written from the table, the rest
// from the topic, which holds it for sure.
//
//	offset 0 ........ the sink's commit ........ through
//	[ table events  ][ topic                   ]
//
// Leads of whole partitions come id by id. Of people, whose ids stand in any partition, come the
// events of all their ids as one lead; which those are, the worker knows better than the table.
type past struct {
	conn  clickhouse.Conn
	kafka []kgo.Opt
	group string // the sink's
}

func (p past) history(ctx context.Context, want scoring.Past) (replay.Source, error) {
	below, err := p.written(ctx, want.Through)
	if err != nil {
		return nil, err
	}
	until := map[int32]int64{}
	for num, last := range want.Through {
		if len(want.People) > 0 || slices.Contains(want.Whole, num) {
			until[num] = last + 1
		}
	}
	tail := &tails{byLead: map[schemas.LeadID]*replay.History{}}
	err = scoring.TopicMoments(ctx, p.kafka, below, until, func(id schemas.LeadID, m replay.Moment) {
		if person, is := want.People[id]; is {
			tail.add(person, m)
		} else if slices.Contains(want.Whole, m.Partition) {
			tail.add(id, m)
		}
	})
	if err != nil {
		return nil, err
	}
	var finished atomic.Int32
	return func(ctx context.Context, share, of int, each func(replay.History) error) error {
		err := p.stored(ctx, want, below, share, of, func(h replay.History) error { return each(tail.behind(h)) })
		if err != nil {
			return err
		}
		if int(finished.Add(1)) < of {
			return nil
		}
		return tail.rest(each) // leads that only the topic knows, once all others are told
	}, nil
}

// stored is one share of what the table has.
func (p past) stored(ctx context.Context, want scoring.Past, below map[int32]int64, share, of int, each func(replay.History) error) error {
	mine := "cityHash64(lead_id) % {of:UInt32} = {share:UInt32}"
	args := []any{driver.Named("of", of), driver.Named("share", share)}
	ask := func(from string, where ...string) error {
		people, err := peopleTable(want.People) // one a query: it is consumed
		if err != nil {
			return fmt.Errorf("replay: table of ids: %w", err)
		}
		return eachHistory(driver.Context(ctx, driver.WithExternalTable(people)), p.conn, selectEvents(from, append(where, mine), notJoined), args, each)
	}
	if len(want.Whole) > 0 {
		if err := ask("events FINAL", rowsBelow(below, want.Whole), "lead_id NOT IN (SELECT lead_id FROM people)"); err != nil {
			return err
		}
	}
	if len(want.People) == 0 {
		return nil
	}
	all := make([]int32, 0, len(below))
	for num := range below {
		all = append(all, num)
	}
	return ask(`(SELECT e.* REPLACE (p.person AS lead_id)
FROM (SELECT * FROM events FINAL WHERE lead_id IN (SELECT lead_id FROM people)) AS e INNER JOIN people AS p ON e.lead_id = p.lead_id)`, rowsBelow(below, all))
}

// rowsBelow are the table's rows of partitions that are below an offset each.
func rowsBelow(below map[int32]int64, of []int32) string {
	parts := []string{"0"}
	for _, num := range of {
		parts = append(parts, fmt.Sprintf("kafka_partition = %d AND kafka_offset < %d", num, max(0, below[num])))
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// peopleTable goes with a query, as table people.
func peopleTable(people map[schemas.LeadID]schemas.LeadID) (*ext.Table, error) {
	table, err := ext.NewTable("people", ext.Column("lead_id", "UUID"), ext.Column("person", "UUID"))
	for id, person := range people {
		if err == nil {
			err = table.Append(uuid.UUID(id), uuid.UUID(person))
		}
	}
	return table, err
}

// written is the first offset of each partition that is not in the table, at most what is asked for.
func (p past) written(ctx context.Context, through map[int32]int64) (map[int32]int64, error) {
	client, err := kgo.NewClient(p.kafka...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(ctx, p.group)
	if err != nil {
		return nil, fmt.Errorf("how far group %s is: %w", p.group, err)
	}
	below := map[int32]int64{}
	for num, last := range through {
		o, _ := offsets.Lookup(schemas.TopicEvents, num)
		below[num] = min(max(0, o.At), last+1)
	}
	return below, nil
}

// tails are what the topic has of leads, beyond the table.
type tails struct {
	mu     sync.Mutex
	byLead map[schemas.LeadID]*replay.History
}

func (t *tails) add(id schemas.LeadID, m replay.Moment) {
	h := t.byLead[id]
	if h == nil {
		h = &replay.History{ID: id, Site: m.Event.Site}
		t.byLead[id] = h
	}
	h.Moments = append(h.Moments, m)
}

// behind puts a lead's tail behind what the table has.
func (t *tails) behind(h replay.History) replay.History {
	t.mu.Lock()
	defer t.mu.Unlock()
	if more := t.byLead[h.ID]; more != nil {
		h.Moments = append(h.Moments, more.Moments...)
		delete(t.byLead, h.ID)
	}
	return h
}

func (t *tails) rest(each func(replay.History) error) error {
	for _, h := range t.byLead {
		if err := each(*h); err != nil {
			return err
		}
	}
	return nil
}
