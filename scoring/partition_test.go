package scoring

import (
	"fmt"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

var testModel = model.Default()

// held are a partition's leads with their timers, as the open transaction sees them.
func held(p *partition) map[schemas.LeadID]*touch {
	out := map[schemas.LeadID]*touch{}
	p.leads.rows.each(func(r row) {
		t := &touch{lead: new(model.Lead)}
		t.due, _ = p.leads.load(testModel, r.id, t.lead)
		out[r.id] = t
	})
	for id, t := range p.touched {
		out[id] = t
	}
	return out
}

// leadOf is one of them as it stands, nil if there is none.
func (s *leads) leadOf(id schemas.LeadID) *model.Lead {
	l := new(model.Lead)
	if _, ok := s.load(testModel, id, l); !ok {
		return nil
	}
	return l
}

// look shows everything a partition knows of its leads.
func look(p *partition) map[string]string {
	out := map[string]string{}
	for id, t := range held(p) {
		rec := testModel.Record(t.lead.Clone(), 0, nil)
		out[id.String()] = fmt.Sprintf("due %d revision %d %s", t.due, rec.Revision, recordText(rec))
	}
	return out
}

// arriving is an event as a worker reads it.
func arriving(ev *pb.Event, offset int) incoming {
	key := schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)
	value, err := ev.MarshalVT()
	if err != nil {
		panic(err)
	}
	return incoming{
		id: schemas.NewLeadID(key), event: ev, source: &pb.Source{Topic: schemas.TopicEvents, Offset: int64(offset)},
		record: &kgo.Record{Topic: schemas.TopicEvents, Offset: int64(offset), Key: []byte(key), Value: value},
	}
}

func foldAll(p *partition, apply applier, events []*pb.Event) (refused int) {
	for i, ev := range events {
		p.fence.events, p.next.events = int64(i), int64(i)+1
		if _, no := p.fold(testModel, apply, arriving(ev, i)); no != nil {
			refused++
		}
	}
	return refused
}

func commit(p *partition) (n int) {
	p.records(testModel, func(*pb.LeadRecord) { n++ })
	p.committed(p.changelog+int64(n), 0, rowPlaces{})
	return n
}

func TestRollbackLeavesNoTrace(t *testing.T) {
	p := newPartition(0, 0)
	p.begin()
	foldAll(p, testModel.Apply, visits(1, 300, 10))
	require.Equal(t, 10, commit(p))
	before, fenceBefore, watermark := look(p), p.fence, p.watermark
	for seed := range uint64(4) {
		p.begin()
		foldAll(p, testModel.Apply, visits(seed, 300, 15))
		for _, id := range p.leads.due(1<<60, 100) {
			p.fire(testModel, id, 1<<50)
		}
		require.NotEqual(t, before, look(p))
		p.rollback()
		require.Equal(t, before, look(p))
		require.Equal(t, fenceBefore, p.fence)
		require.Equal(t, watermark, p.watermark)
		require.Empty(t, p.touched)
	}
	due := 0
	for _, t := range held(p) {
		if t.due != 0 {
			due++
		}
	}
	require.Positive(t, due)
	fired := map[schemas.LeadID]bool{}
	for _, id := range p.leads.due(1<<60, 1000) {
		fired[id] = true
	}
	require.Len(t, fired, due, "a timer that an undone transaction had taken is set again")
}

func TestOneRecordALeadAndCommit(t *testing.T) {
	p := newPartition(0, 0)
	p.begin()
	foldAll(p, testModel.Apply, visits(1, 500, 7))
	require.Equal(t, 7, commit(p))
	require.Zero(t, commit(p), "nothing changed since")
}

func TestOnlyRefusedEventsMakeNoLead(t *testing.T) {
	p := newPartition(0, 0)
	p.begin()
	events := visits(1, 100, 10)
	for _, ev := range events {
		ev.Bot = true
	}
	foldAll(p, testModel.Apply, events)
	require.Zero(t, commit(p))
	require.Zero(t, p.leads.len())
}

// poisoned panics half-way through an event that is named so.
func poisoned(l *model.Lead, ev *pb.Event, src *pb.Source) model.Outcome {
	out := testModel.Apply(l, ev, src)
	if ev.Title == "poison" {
		panic("poison")
	}
	return out
}

func TestAPanicLeavesTheLeadAsItWas(t *testing.T) {
	events, clean := visits(1, 400, 8), []*pb.Event(nil)
	poison := 0
	for i, ev := range events {
		if i%3 == 0 {
			ev.Title, ev.EventId = "poison", fmt.Sprintf("poison-%d", i)
			poison++
			continue
		}
		clean = append(clean, ev)
	}
	want, got := newPartition(0, 0), newPartition(0, 0)
	want.begin()
	foldAll(want, testModel.Apply, clean)
	commit(want)
	got.begin()
	require.Equal(t, poison, foldAll(got, poisoned, events))
	commit(got)
	require.Equal(t, look(want), look(got))
}

func TestAPanicInALaterTransactionKeepsTheEarlier(t *testing.T) {
	p := newPartition(0, 0)
	p.begin()
	events := visits(1, 100, 3)
	foldAll(p, testModel.Apply, events)
	commit(p)
	before := look(p)
	p.begin()
	bad := proto.CloneOf(events[0])
	bad.Title, bad.EventId, bad.Bot = "poison", "new", false
	require.Equal(t, 1, foldAll(p, poisoned, []*pb.Event{bad}))
	require.Zero(t, commit(p))
	require.Equal(t, before, look(p))
}

func TestAPanicGoesToDeadLettersWithTheStack(t *testing.T) {
	r := newRig(t, "", testPartitions)
	events := visits(1, 60, 4)
	events[20].Title = "poison"
	events[20].EventId = "poison"
	r.send(events...)
	w := r.worker(r.config())
	w.Worker.apply = poisoned
	r.runs(w)
	r.settled(w.cfg.Group)
	w.stop()
	letters := r.read(schemas.TopicDeadLetter)
	require.Len(t, letters, 1)
	l := new(pb.DeadLetter)
	require.NoError(t, proto.Unmarshal(letters[0].Value, l))
	require.Equal(t, reasonPanic, l.Reason)
	require.Contains(t, l.Detail, "poison")
	require.Contains(t, l.Detail, "partition_test.go")
	require.Equal(t, "demo", l.Site)
	again := new(pb.Event)
	require.NoError(t, proto.Unmarshal(l.Payload, again), "the letter can be played again")
	require.Equal(t, "poison", again.EventId)
}

func TestSweepFoldsLeadsThatNobodyTouches(t *testing.T) {
	p := newPartition(0, 0)
	p.begin()
	foldAll(p, testModel.Apply, visits(1, 300, 10))
	after := visits(1, 100, 10)
	for i, ev := range after { // each comes back once after 20 days, which closes its old days
		ev.ReceivedAt += 20 * day.Milliseconds()
		ev.EventTime += 20 * day.Milliseconds()
		ev.EventId, ev.Bot = fmt.Sprint("after-", i), false
	}
	foldAll(p, testModel.Apply, firstOfEach(after))
	commit(p)
	scores := func() (out []float64) {
		for _, id := range sortedIDs(p) {
			out = append(out, testModel.Score(p.leads.leadOf(id), p.watermark+30*day.Milliseconds()))
		}
		return out
	}
	open := func(watermark int64) (n int) {
		for _, t := range held(p) {
			if testModel.Fold(t.lead, watermark) {
				n++
			}
		}
		return n
	}
	before, later := scores(), p.watermark
	require.Equal(t, 10, open(later))
	for range 200 {
		require.NoError(t, p.leads.sweep(testModel, later, 3, 0))
	}
	require.Zero(t, open(later), "some leads were never folded")
	require.Equal(t, before, scores(), "folding changes no bit of a score")
}

// firstOfEach keeps every visitor's first event.
func firstOfEach(events []*pb.Event) (out []*pb.Event) {
	seen := map[string]bool{}
	for _, ev := range events {
		if !seen[ev.AnonymousId] {
			seen[ev.AnonymousId] = true
			out = append(out, ev)
		}
	}
	return out
}

func sortedIDs(p *partition) (ids []schemas.LeadID) {
	for i := range 10 {
		id := schemas.NewLeadID(schemas.EventKey("demo", fmt.Sprintf("visitor-1-%d", i), ""))
		if p.leads.leadOf(id) != nil {
			ids = append(ids, id)
		}
	}
	return ids
}
