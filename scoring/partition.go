package scoring

import (
	"fmt"
	"runtime/debug"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// partition is one partition's state: its leads, how far it has read, and what
// the open transaction has touched. Only the loop and, between transactions,
// the assignment callback use it.
type partition struct {
	num   int32
	leads *leads

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

	touched map[schemas.LeadID]*touch
	before  struct {
		fence, next fence
		watermark   int64
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

// touch is what the open transaction did to one lead, and how to undo it.
type touch struct {
	before  *model.Lead // nil: the lead did not exist
	due     int64
	changed bool
	// What the lead's record will say: the last event that changed it.
	receivedAt int64
	source     *pb.Source
	// base and since rebuild the lead when the model panics half-way through an
	// event: base, then since again.
	base  *model.Lead
	since []applied
}

type applied struct {
	event  *pb.Event
	source *pb.Source
}

// begin remembers where the partition stood before the transaction.
func (p *partition) begin() {
	p.before.fence, p.before.next, p.before.watermark = p.fence, p.next, p.watermark
	p.rows.count = rowPlaces{}
}

// touch finds or makes the lead, and keeps a copy for undo the first time.
func (p *partition) touch(id schemas.LeadID, site string) (*entry, *touch) {
	e := p.leads.get(id)
	t := p.touched[id]
	if t == nil {
		t = &touch{}
		if e != nil {
			t.before, t.due = e.lead.Clone(), e.due
			t.base = t.before
		}
		p.touched[id] = t
	}
	if e == nil {
		e = &entry{lead: model.NewLead(id, site)}
		p.leads.put(id, e)
	}
	return e, t
}

// applier is (*model.Model).Apply; a type so that a test can make it panic.
type applier func(*model.Lead, *pb.Event, *pb.Source) model.Outcome

// fold applies one event. A panic leaves the lead as it was before the event.
func (p *partition) fold(m *model.Model, apply applier, id schemas.LeadID, ev *pb.Event, src *pb.Source) (out model.Outcome, no *refusal) {
	p.watermark = max(p.watermark, ev.ReceivedAt)
	e, t := p.touch(id, ev.Site)
	out, no = guard(func() model.Outcome {
		m.Fold(e.lead, p.watermark)
		return apply(e.lead, ev, src)
	})
	if no != nil {
		e.lead = t.rebuild(apply, id, ev.Site)
		return model.Outcome{}, no
	}
	t.since = append(t.since, applied{ev, src})
	if out.Changed {
		t.changed, t.receivedAt, t.source = true, ev.ReceivedAt, src
	}
	return out, nil
}

// rebuild makes the lead as it was before the event that made the model panic,
// and moves base there, so that a flood of such events does not cost its square.
func (t *touch) rebuild(apply applier, id schemas.LeadID, site string) *model.Lead {
	lead := model.NewLead(id, site)
	if t.base != nil {
		lead = t.base.Clone()
	}
	for _, a := range t.since {
		apply(lead, a.event, a.source)
	}
	t.base, t.since = lead.Clone(), nil
	return lead
}

// fire lets one lead fall.
func (p *partition) fire(m *model.Model, id schemas.LeadID, now int64) (out model.Outcome, no *refusal) {
	e, t := p.touch(id, "")
	e.due = 0 // off the heap; a lead that does not fall now is not asked again until it changes
	src := &pb.Source{Topic: schemas.TopicEvents, Partition: p.num, Offset: p.fence.events}
	out, no = guard(func() model.Outcome { return m.Fire(e.lead, now, src) })
	if no != nil {
		e.lead = t.rebuild(m.Apply, id, "")
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

// records are the changed leads' records, one a lead, and their timers are set.
func (p *partition) records(m *model.Model, yield func(key string, rec *pb.LeadRecord)) {
	for id, t := range p.touched {
		if !t.changed {
			if t.before == nil {
				p.leads.forget(id) // only refused events: not worth a lead
			}
			continue
		}
		e := p.leads.get(id)
		rec := m.Record(e.lead, t.receivedAt, t.source)
		p.leads.arm(id, e, rec.FallsAt)
		yield(id.String(), rec)
	}
}

// committed forgets how to undo.
func (p *partition) committed(changelog, bytes int64, ends rowPlaces) {
	p.changelog = max(p.changelog, changelog)
	p.rows.from.raise(ends)
	p.snapshotBytes += bytes
	clear(p.touched)
}

// rollback undoes the transaction: leads, timers and positions.
func (p *partition) rollback() {
	p.fence, p.next, p.watermark = p.before.fence, p.before.next, p.before.watermark
	for id, t := range p.touched {
		if t.before == nil {
			p.leads.forget(id)
			continue
		}
		p.leads.put(id, &entry{lead: t.before, due: t.due})
		if t.due != 0 {
			p.leads.timers.add(t.due, id)
		}
	}
	clear(p.touched)
}

// caughtUp tells whether all that the broker had was read. After a while of
// silence the rest can only be markers of transactions, which are never seen.
func (p *partition) caughtUp(now int64) bool {
	return p.next.events >= p.high.events && p.next.routed >= p.high.routed || now-p.idleSince > 10_000
}

// clock is how far timers may fire. While there is a backlog the wall clock is
// ahead of events that would have kept a lead up: then time is what was read.
func (p *partition) clock(now int64) int64 {
	now -= timerGrace.Milliseconds()
	if p.caughtUp(now) {
		return now
	}
	return min(now, p.watermark)
}

func (p *partition) String() string { return fmt.Sprintf("partition %d", p.num) }
