package main

import (
	"fmt"
	"math"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// told is what the tables have to say, by the keys of their rows: what one fold of the events says, and what stands in
// the topics that workers wrote.
type told struct {
	events map[string]bool // site and id
	leads  map[schemas.LeadID]*model.Lead
	// A key has several rows where an event was refused several times: the table keeps one of them.
	ledger map[string][]*pb.LedgerRow
	stages map[string][]*pb.StageRow
	// counted are the leads that the ledger has points of.
	counted map[schemas.LeadID]bool

	newest      map[schemas.LeadID]*kgo.Record // of topic leads
	transitions map[string][]*pb.StageRow      // of topic stages
	letters     int
}

func ledgerKey(r *pb.LedgerRow) string {
	return fmt.Sprintf("%x %s %s %s %d %s %s", r.LeadId, r.Site, r.Track, r.Rule, r.Day, r.EventId, r.Reason)
}

func stageKey(r *pb.StageRow) string {
	return fmt.Sprintf("%x %s %s %d", r.LeadId, r.Site, r.Track, r.EntryNo)
}

// told folds the events in the order of the topic, without worker, transaction or restart, and then lets the
// leads fall that are due by now. (In this order the stages, too, are what they have to be: docs/decisions/005.)
func (s *soak) told() *told {
	s.t.Helper()
	m := model.Default()
	out := &told{events: map[string]bool{}, leads: map[schemas.LeadID]*model.Lead{}, ledger: map[string][]*pb.LedgerRow{},
		stages: map[string][]*pb.StageRow{}, counted: map[schemas.LeadID]bool{}}
	for _, rec := range s.records(schemas.TopicEvents) {
		ev := new(pb.Event)
		require.NoError(s.t, proto.Unmarshal(rec.Value, ev))
		out.fold(m, schemas.LeadIDOf(rec.Key), ev, &pb.Source{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset})
	}
	for _, lead := range out.leads {
		out.stand(m.Fire(lead, s.traffic.lastFall(), nil))
		m.Fold(lead, math.MaxInt64)
	}
	out.newest, out.transitions, out.letters = s.newest(), s.transitions(), len(s.records(schemas.TopicDeadLetter))
	return out
}

func (o *told) fold(m *model.Model, id schemas.LeadID, ev *pb.Event, src *pb.Source) {
	o.events[ev.Site+"/"+ev.EventId] = true
	lead := o.leads[id]
	if lead == nil {
		lead = model.NewLead(id, ev.Site)
	}
	m.Fold(lead, math.MaxInt64) // days close by the lead's own clock, whatever time it is elsewhere
	did := m.Apply(lead, ev, src)
	o.stand(did)
	if did.Changed {
		o.leads[id] = lead // robots alone make none
	}
}

func (o *told) stand(did model.Outcome) {
	for _, row := range did.Ledger {
		o.ledger[ledgerKey(row)] = append(o.ledger[ledgerKey(row)], row)
		if row.Reason == "ok" || row.Reason == "cap" {
			o.counted[schemas.LeadID(row.LeadId)] = true
		}
	}
	for _, row := range did.Stages {
		o.stages[stageKey(row)] = append(o.stages[stageKey(row)], byAnyone(row))
	}
}

// byAnyone leaves out whose hand made a fall: a timer that stood at some offset, or the event that came first.
func byAnyone(row *pb.StageRow) *pb.StageRow {
	if row.Cause == "timer" {
		row = proto.CloneOf(row)
		row.Source = nil
	}
	return row
}

// asRead is a record without what depends on when a worker read, and with which events one transaction closed.
func asRead(r *pb.LeadRecord) *pb.LeadRecord {
	r = proto.CloneOf(r)
	r.Revision, r.ReceivedAt, r.Source = 0, 0, nil
	return r
}

// asFolded is a record of the same lead whose days are all closed that can be: when they are is the worker's business,
// and changes no bit of a score.
func asFolded(m *model.Model, r *pb.LeadRecord) (*pb.LeadRecord, error) {
	lead, err := m.Restore(r)
	if err != nil {
		return nil, err
	}
	m.Fold(lead, math.MaxInt64)
	return asRead(m.Record(lead, 0, nil)), nil
}

// unfolded is what of a record no closing of days changes.
func unfolded(r *pb.LeadRecord) *pb.LeadRecord {
	r = asRead(r)
	r.Terms, r.State = nil, nil
	return r
}

func (s *soak) records(topic string) []*kgo.Record {
	return embeddedtest.Committed(s.t, s.addrs, topic)
}

// newest are the records of leads with the highest revisions; of two, the later one.
func (s *soak) newest() map[schemas.LeadID]*kgo.Record {
	s.t.Helper()
	newest, revision := map[schemas.LeadID]*kgo.Record{}, map[schemas.LeadID]uint64{}
	for _, rec := range s.records(schemas.TopicLeads) {
		r := new(pb.LeadRecord)
		require.NoError(s.t, proto.Unmarshal(rec.Value, r))
		if id := schemas.LeadID(r.LeadId); r.Revision >= revision[id] {
			newest[id], revision[id] = rec, r.Revision
		}
	}
	return newest
}

// transitions are those of the topic; a killed broker may have left some twice.
func (s *soak) transitions() map[string][]*pb.StageRow {
	s.t.Helper()
	rows := map[string][]*pb.StageRow{}
	for _, rec := range s.records(schemas.TopicStages) {
		row := new(pb.StageRow)
		require.NoError(s.t, proto.Unmarshal(rec.Value, row))
		if row.Cause == "timer" {
			require.GreaterOrEqual(s.t, rec.Timestamp.UnixMilli(), row.At, "%x fell before its time", row.LeadId)
		}
		rows[stageKey(row)] = append(rows[stageKey(row)], row)
	}
	return rows
}
