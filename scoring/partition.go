package scoring

import (
	"fmt"
	"runtime/debug"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/identity"
	"leadstream/scoring/model"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partition is one partition's state: its leads, how far it has read, and what
// the open transaction has touched. Only the loop and, between transactions,
// the assignment callback use it.
type partition struct {
	num   int32
	leads *leads
	// model is the one that its leads stand under.
	model *model.Model

	// fence is what has been folded; next is what will be read (above the fence,
	// or at it after a rewind); high is the broker's end when it was last told.
	fence fence
	next  fence
	high  fence
	// watermark is the largest received_at folded.
	watermark int64
	// changelog is the offset in leads that the committed state stands at.
	changelog int64
	// rows is what the open transaction has written besides leads; see torn.go.
	rows rows
	// rewind makes the session read events again from the fence on.
	rewind bool
	// idleSince is the wall clock of the last record or of the assignment, ms.
	idleSince int64
	importing importing

	touched map[schemas.LeadID]*touch
	spare   []*touch // used before, to be used again
	record  pb.LeadRecord
	sends   []identity.Send // of the record that was folded last
	work    work
	// embedded: the broker may commit in part; what was sent has to stand in a record.
	embedded bool
	// log is what leads of several ids have had since a job began to score history anew; nil without one.
	log    []eventMark
	before struct {
		fence, next fence
		watermark   int64
		model       *model.Model
		log         int
	}

	snapshotAt    int64 // wall clock ms of the last one, or of the assignment
	snapshotBytes int64 // of changelog written since
}

func newPartition(num int32, now int64) *partition {
	return &partition{
		num: num, leads: newLeads(), fence: noFence, next: noFence,
		touched: map[schemas.LeadID]*touch{}, idleSince: now, snapshotAt: now,
	}
}

// begin remembers where the partition stood before the transaction.
func (p *partition) begin() {
	p.before.fence, p.before.next, p.before.watermark = p.fence, p.next, p.watermark
	p.before.model, p.before.log = p.model, len(p.log)
	p.rows.count = rowPlaces{}
	p.work.begin()
}

// applier is (*model.Model).Apply; a type so that a test can make it panic.
type applier func(*model.Lead, *pb.Event, *pb.Source) model.Outcome

// incoming is a record on its way into a lead.
type incoming struct {
	id     schemas.LeadID
	event  *pb.Event  // only until the next one is read; nil if it is of routed
	routed *pb.Routed // what another home says
	source *pb.Source
	record *kgo.Record
}

// receivedAt is the event's; nothing else has a time of its own.
func (in incoming) receivedAt() int64 {
	if in.routed != nil {
		return in.routed.GetEvent().GetReceivedAt()
	}
	return in.event.ReceivedAt
}

// any is the event, wherever it was read; nil if it is none.
func (in incoming) any() *pb.Event {
	if in.routed != nil {
		return in.routed.GetEvent()
	}
	return in.event
}

func (in incoming) site() string {
	if in.event != nil {
		return in.event.Site
	}
	site, _ := schemas.SplitKey(string(in.record.Key))
	return site
}

// at lets the lead's desk take the record.
func (in incoming) at(d identity.Desk, l *model.Lead) (out model.Outcome, sends []identity.Send, err error) {
	if in.routed != nil {
		return d.Routed(l, string(in.record.Key), in.routed, in.source)
	}
	return d.Event(l, in.event, in.source)
}

// fold applies one record, and leaves in sends what it has to say to other homes. A
// panic leaves the lead as it was before.
func (p *partition) fold(m *model.Model, apply applier, in incoming) (out model.Outcome, no *refusal) {
	p.watermark = max(p.watermark, in.receivedAt())
	t := p.touch(m, in.id, in.site())
	desk := identity.Desk{Model: m, Apply: apply, Watermark: p.watermark}
	p.sends = p.sends[:0]
	var sends []identity.Send
	var err error
	out, no = guard(func() (out model.Outcome) {
		m.Fold(t.lead, p.watermark)
		out, sends, err = in.at(desk, t.lead)
		return out
	})
	if no != nil {
		p.rebuild(m, apply, t, in.id, in.site())
		return model.Outcome{}, no
	}
	p.noteFolded(t.lead, in.any())
	p.sends = append(p.sends, sends...)
	t.since = append(t.since, in.record)
	if out.Changed || p.embedded && len(sends) > 0 {
		t.changed, t.receivedAt, t.source = true, max(t.receivedAt, in.receivedAt()), in.source
	}
	if err != nil {
		no = unroutable(err)
	}
	return out, no
}

// rebuild makes the lead as it was before the event that made the model panic,
// and moves base there, so that a flood of such events does not cost its square.
func (p *partition) rebuild(m *model.Model, apply applier, t *touch, id schemas.LeadID, site string) {
	lead := new(model.Lead)
	if t.base != nil {
		lead = t.base.Clone()
	} else if _, known := p.leads.load(m, id, lead); !known {
		lead = model.NewLead(id, site)
	}
	desk := identity.Desk{Model: m, Apply: apply, Watermark: p.watermark}
	for _, r := range t.since {
		in := incoming{id: id, record: r, source: &pb.Source{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}}
		var no *refusal
		if r.Topic == schemas.TopicRouted {
			_, in.routed, no = decodeRouted(r)
		} else {
			_, in.event, no = decode(r)
		}
		if no == nil {
			_, _, _ = in.at(desk, lead) // what it sent was sent then
		}
	}
	t.lead, t.base, t.since = lead, lead.Clone(), nil
}

// fire lets one lead fall. One that does not fall now is not asked again until it
// changes.
func (p *partition) fire(m *model.Model, id schemas.LeadID, now int64) (out model.Outcome, no *refusal) {
	t := p.touch(m, id, "")
	t.fired = true
	src := &pb.Source{Topic: schemas.TopicEvents, Partition: p.num, Offset: p.fence.events}
	out, no = guard(func() model.Outcome { return m.Fire(t.lead, now, src) })
	if no != nil {
		p.rebuild(m, m.Apply, t, id, "")
		return model.Outcome{}, no
	}
	if out.Changed {
		t.changed, t.source = true, src
		for _, row := range out.Stages {
			t.receivedAt = max(t.receivedAt, row.At) // dated by the decay curve, not by the clock
		}
	}
	return out, nil
}

// guard turns a panic of the model into a refusal.
func guard(do func() model.Outcome) (out model.Outcome, no *refusal) {
	defer func() {
		if cause := recover(); cause != nil {
			no = refuse(reasonPanic, "%v\n%s", cause, debug.Stack())
		}
	}()
	return do(), nil
}

// records are the changed leads' records, one a lead. Each holds until the next.
func (p *partition) records(m *model.Model, yield func(*pb.LeadRecord)) {
	for _, t := range p.touched {
		if !t.changed {
			continue // a new lead with only refused events is not worth one
		}
		rec := m.RecordInto(&p.record, t.lead, t.receivedAt, t.source)
		t.falls = rec.FallsAt
		yield(rec)
	}
}

// committed makes what the transaction did the state.
func (p *partition) committed(changelog, bytes int64, ends rowPlaces) {
	p.changelog = max(p.changelog, changelog)
	p.rows.from.raise(ends)
	p.snapshotBytes += bytes
	for _, t := range p.touched {
		if t.changed || t.fired && t.known {
			p.leads.store(t.lead, t.falls)
		}
	}
	p.leads.rows.clean()
	p.letGo()
	p.work.again()
}

// rollback undoes the transaction: leads, timers and positions.
func (p *partition) rollback() {
	p.fence, p.next, p.watermark = p.before.fence, p.before.next, p.before.watermark
	p.model, p.log = p.before.model, p.log[:min(len(p.log), p.before.log)]
	for id, t := range p.touched {
		if t.fired {
			p.leads.arm(id, t.due)
		}
	}
	p.letGo()
	p.work.pieces, p.work.key = pieces{}, nil // the client may still be at it
}

// caughtUp tells whether all that the broker had was read. After a while of
// silence the rest is never seen: a transaction whose marker went with a broker
// that was killed.
func (p *partition) caughtUp(now int64) bool {
	return p.next.events >= p.high.events && p.next.routed >= p.high.routed || now-p.idleSince > 10_000
}

// clock is how far timers may fire. While there is a backlog the wall clock is
// ahead of events that would have kept a lead up: then time is what was read. While
// an import goes on, time is the import's.
func (p *partition) clock(now int64) int64 {
	until := now - timerGrace.Milliseconds()
	if !p.caughtUp(until) {
		until = min(until, p.watermark)
	}
	if p.importing.on(now) {
		until = min(until, p.importing.at)
	}
	return until
}

func (p *partition) String() string { return fmt.Sprintf("partition %d", p.num) }
