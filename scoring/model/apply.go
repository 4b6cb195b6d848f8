package model

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// The reasons of a ledger row. ok and cap fold to the score.
const (
	reasonOK        = "ok"
	reasonCap       = "cap"
	reasonDup       = "dup"
	reasonLate      = "late"
	reasonStraggler = "straggler"
	reasonBot       = "bot"
	reasonConsent   = "consent"
)

// Why an event or its CRM move was refused: Outcome.Refused.
const (
	// RefusedTime: received_at is outside 1970-01-02..9999; nothing was applied.
	RefusedTime = "time"
	// RefusedUntrusted: only an event signed with a secret key may move a stage
	// that sales owns. The event's other effects stand.
	RefusedUntrusted = "untrusted"
	// RefusedStage: the CRM named a stage the model does not have.
	RefusedStage = "unknown_stage"
	// RefusedStale: a newer CRM move, or this one, was applied before.
	RefusedStale = "stale"
)

// Outcome is what one event or timer did.
type Outcome struct {
	Ledger []*pb.LedgerRow
	Stages []*pb.StageRow
	// The state differs from before: a record is due.
	Changed bool
	// Why the event or its CRM move was refused, one word; "" = it was not.
	Refused string
	// Rules and flags whose expression failed on this event's values, mostly
	// because a property was absent. They count as not met.
	Failed []string
}

// application is one event on its way into one lead.
type application struct {
	m     *Model
	l     *Lead
	ev    *pb.Event
	src   *pb.Source
	at    int64 // when it happened
	stamp stamp
	out   Outcome
	// part is whose event it is, in a lead that ids are joined to, and counted
	// what became of it there.
	part    *part
	counted []*pb.LedgerRow
}

// Apply folds one event into the lead. Demotions that were due before the event
// was received are made first. Bots and visitors who denied consent leave ledger
// rows and nothing else: no lead, no stage, no points.
func (m *Model) Apply(l *Lead, ev *pb.Event, src *pb.Source) Outcome {
	if ev.GetReceivedAt() < earliest || ev.GetReceivedAt() > latest {
		return Outcome{Refused: RefusedTime}
	}
	if ev.GetReceivedAt() <= l.erasedUntil {
		return Outcome{Refused: RefusedErased}
	}
	m.bind(l)
	at := happened(ev)
	a := application{m: m, l: l, ev: ev, src: src, at: at, stamp: stamp{at, hash64(ev.GetEventId())}}
	if len(l.parts) > 0 {
		a.part = l.origin(ev)
	}
	switch {
	case ev.GetBot():
		a.rules(reasonBot)
		return a.out
	case ev.GetConsent() == pb.Consent_CONSENT_DENIED:
		a.rules(reasonConsent)
		return a.out
	}
	a.born(l)
	clock := max(l.clock, ev.GetReceivedAt())
	if l.stage != "" {
		m.fall(l, clock, src, &a.out)
	}
	if clock != l.clock {
		l.clock, a.out.Changed = clock, true
	}
	late := at < ev.GetReceivedAt()-lateness
	a.alone(late)
	a.enter()
	a.person()
	a.seen(late)
	if late {
		a.rules(reasonLate)
	} else {
		a.rules("")
	}
	a.crm()
	a.machineStages()
	if a.out.Changed {
		l.revision++
	}
	return a.out
}

// seen keeps the first and last moments, the newest event's name, and sessions. An
// event too late to count was seen when it was received, and says nothing of the
// rest: a sender with a dead battery's clock would make every lead begin in 1970.
func (a *application) seen(late bool) {
	l, ev, at, changed := a.l, a.ev, a.at, false
	if late {
		at = ev.GetReceivedAt()
	}
	if l.firstSeen == 0 || at < l.firstSeen {
		l.firstSeen, changed = at, true
	}
	if at > l.lastSeen {
		l.lastSeen, changed = at, true
	}
	if !late {
		changed = l.addSession(ev.GetSessionId()) || changed
		if a.stamp.after(l.last) {
			l.last, changed = a.stamp, true
			l.lastType, l.lastName, l.path = cut(ev.GetType()), cut(ev.GetName()), cut(ev.GetPath())
		}
	}
	a.out.Changed = a.out.Changed || changed
}

// origin is the part that the event belongs to by its own words; the lead's own,
// if it is of none that is joined.
func (l *Lead) origin(ev *pb.Event) *part {
	p := l.part(schemas.NewLeadID(schemas.OriginKey(ev.GetSite(), ev.GetAnonymousId(), ev.GetUserId())))
	if p == nil {
		p = l.part(l.id)
	}
	return p
}

// alone applies the event to the part that it belongs to, as if that stood alone.
func (a *application) alone(late bool) {
	p := a.part
	if p == nil {
		return
	}
	a.born(p.lead)
	sub := application{m: a.m, l: p.lead, ev: a.ev, src: a.src, at: a.at, stamp: a.stamp}
	p.lead.clock = max(p.lead.clock, a.ev.GetReceivedAt())
	sub.person()
	sub.seen(late)
	if late {
		sub.rules(reasonLate)
	} else {
		sub.rules("")
	}
	a.counted = sub.out.Ledger
	a.out.Changed = a.out.Changed || sub.out.Changed
	if dayOf(a.at) <= p.through && sub.out.Changed {
		p.setApart(a.m)
	}
}

// wasCounted is what a rule said in the part.
func (a *application) wasCounted(r *rule) (reason string) {
	for _, row := range a.counted {
		if row.Rule == r.id {
			return row.Reason
		}
	}
	return ""
}
