package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/internal/clickhouse"
	"leadstream/schemas"
	"leadstream/scoring"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// storedLead plays one lead's events of the table up to an instant: of all ids that it is made of now. An id that was
// joined leads to its lead.
func storedLead(ctx context.Context, conn clickhouse.Conn, m *model.Model, id string, at time.Time) (lead *model.Lead, err error) {
	if _, err := schemas.ParseLeadID(id); err != nil {
		return nil, fmt.Errorf("model score: %w", err)
	}
	if err := conn.QueryRow(ctx, "SELECT if(count() = 0, {lead:String}, toString(any(counts_for))) FROM lead_ids WHERE lead_id = toUUID({lead:String})", driver.Named("lead", id)).Scan(&id); err != nil {
		return nil, fmt.Errorf("model score: which lead %s was joined to: %w", id, err)
	}
	err = storedHistory{conn: conn, lead: id, people: true}.source(ctx, 0, 1, func(h replay.History) error {
		h.Arrange()
		lead = replay.Play(m, h, at.UnixMilli(), nil)
		return nil
	})
	if err == nil && lead == nil {
		err = fmt.Errorf("model score: lead %s has no events up to %s", id, at.UTC().Format(time.RFC3339))
	}
	return lead, err
}

// past gives workers the history of their partitions up to where they stand: what the sink has
// written from the table, the rest from the topic, which holds it for sure.
//
//	offset 0 ........ the sink's commit ........ through
//	[ table events  ][ topic                   ]
type past struct {
	conn  clickhouse.Conn
	kafka []kgo.Opt
	group string // the sink's
}

func (p past) history(ctx context.Context, through map[int32]int64) (replay.Source, error) {
	below, err := p.written(ctx, through)
	if err != nil {
		return nil, err
	}
	tail := &tails{byLead: map[schemas.LeadID]*replay.History{}}
	for num, last := range through {
		read := scoring.TopicHistory(p.kafka, below)
		err := read(ctx, int(num), 1<<30, func(h replay.History) error {
			tail.add(h, last)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	stored := storedHistory{conn: p.conn, below: below}
	var finished atomic.Int32
	return func(ctx context.Context, share, of int, each func(replay.History) error) error {
		err := stored.source(ctx, share, of, func(h replay.History) error { return each(tail.behind(h)) })
		if err != nil {
			return err
		}
		if int(finished.Add(1)) < of {
			return nil
		}
		return tail.rest(each) // leads that only the topic knows, once all others are told
	}, nil
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

func (t *tails) add(h replay.History, last int64) {
	for _, m := range h.Moments {
		if m.Offset > last {
			break
		}
		of := t.byLead[h.ID]
		if of == nil {
			of = &replay.History{ID: h.ID, Site: h.Site}
			t.byLead[h.ID] = of
		}
		of.Moments = append(of.Moments, m)
	}
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
