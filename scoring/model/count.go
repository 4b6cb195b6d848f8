package model

import (
	"bytes"

	"leadstream/schemas/pb"
)

// match is a rule this event meets, with the unit it counts as.
type match struct {
	rule  *rule
	key   uint64
	units uint32
}

// rules finds the rules the event meets and counts them, or, with a reason,
// ledgers that they were not counted.
func (a *application) rules(refused string) {
	t := a.m.byType[a.ev.GetType()]
	if t == nil {
		return
	}
	var buffer [8]match
	matches := a.matches(t, buffer[:0], refused == "")
	if len(matches) == 0 {
		return
	}
	rows := make([]pb.LedgerRow, len(matches)) // one allocation for all of them
	if a.out.Ledger == nil {
		a.out.Ledger = make([]*pb.LedgerRow, 0, len(matches))
	}
	var best *rule
	for i, x := range matches {
		reason, changed := refused, false
		if refused == "" {
			reason, changed = a.count(x)
			if was := a.wasCounted(x.rule); (reason == "" || reason == reasonDup) && (was == reasonOK || was == reasonCap) {
				reason = reasonCap // another id has brought this unit; cut from it, this one has
			}
		}
		if refused == "" && reason != reasonStraggler && (best == nil || abs(x.rule.points) > abs(best.points)) {
			best = x.rule
		}
		if reason == "" {
			continue
		}
		a.out.Changed = a.out.Changed || changed
		a.ledger(&rows[i], x, reason)
		a.out.Ledger = append(a.out.Ledger, &rows[i])
	}
	if best != nil && a.l.lastRule.set(best.id, a.stamp) {
		a.out.Changed = true
	}
}

func abs(v float64) float64 { return max(v, -v) }

// matches runs the conditions of the event's type; flags are raised on the way.
func (a *application) matches(t *typeRules, matches []match, flags bool) []match {
	var e *evaluator // made only when a condition is not quick
	holds := func(c *condition, id string) bool {
		if c == nil {
			return true
		}
		if c.quick != nil {
			if is, known := c.try(a.ev); known {
				return is
			}
		}
		if e == nil {
			e = a.m.evaluator()
			fillEvent(e.event, a.ev, t.needs)
		}
		is, err := c.holds(&e.machine, e.event)
		if err != nil {
			a.out.Failed = append(a.out.Failed, id)
		}
		return is
	}
	for _, r := range t.rules {
		if !holds(r.when, r.id) {
			continue
		}
		if key, units := r.units(a.ev, a.stamp.hash); units > 0 {
			matches = append(matches, match{r, key, units})
		}
	}
	if flags {
		for _, f := range t.flags {
			if holds(f.when, f.id) && a.l.addFlag(f.id) {
				a.out.Changed = true
			}
		}
	}
	if e != nil {
		a.m.release(e)
	}
	return matches
}

// units are what the event counts as under this rule: the key of the set, and
// how many. No units: the rule is not met yet, as with ten seconds of dwell.
func (r *rule) units(ev *pb.Event, eventHash uint64) (key uint64, units uint32) {
	name := ""
	switch r.unit {
	case unitView:
		name = ev.GetViewId()
	case unitPage:
		if ev.GetPath() != "" {
			name = ev.GetHost() + ev.GetPath()
		}
	case unitSession:
		name = ev.GetSessionId()
		if name == "" { // the sender does not know sessions: all its events are one a day
			name = "none"
		}
	case unitDwell:
		name = ev.GetViewId()
		units = uint32(min(int64(ev.GetEngagedMs()), r.perView) / r.dwell)
		if units == 0 {
			return 0, 0
		}
	}
	if name == "" { // the sender does not know views, or pages: each event stands alone
		return eventHash, max(units, 1)
	}
	return hash64(name), max(units, 1)
}

// count joins the unit into the lead's sets. The empty reason means there is
// nothing to say: another beat of a view or session that was counted already.
func (a *application) count(x match) (reason string, changed bool) {
	day, r := dayOf(a.at), x.rule
	if day == 0 {
		return reasonLate, false // received on 1970-01-02: day 0 stands for none
	}
	if r.once {
		s := a.l.stateFor(r)
		if day > s.lastDay {
			s.lastDay, changed = day, true
		}
		if s.onceDay != 0 && s.onceDay <= day {
			return reasonCap, changed
		}
		s.onceDay = day
		return reasonOK, true
	}
	if a.part != nil && day <= a.part.through {
		reason = a.wasCounted(r) // in the part's own sets, which count apart
		return reason, reason == reasonOK
	}
	if day <= a.l.foldedThrough {
		return reasonStraggler, false
	}
	s := a.l.stateFor(r)
	s.lastDay = max(s.lastDay, day) // open() makes a day only for a unit, so this is no change beside it
	reason, changed = s.open(day).add(x.key, x.units, r.limit, r.unit == unitDwell)
	if reason == reasonDup && r.unit != unitEvent {
		return "", false
	}
	return reason, changed
}

func (a *application) ledger(row *pb.LedgerRow, x match, reason string) {
	r, g := x.rule, a.m.groups[x.rule.group]
	row.LeadId = a.l.id[:]
	if a.part != nil {
		row.LeadId = bytes.Clone(a.part.id[:]) // for good, whichever lead the id is joined to
	}
	row.Site, row.Track = a.l.site, a.m.track
	row.EventId, row.EventType = a.ev.GetEventId(), a.ev.GetType()
	row.EventTime, row.ReceivedAt, row.Day = a.at, a.ev.GetReceivedAt(), dayOf(a.at)
	row.Rule, row.Group = r.id, g.name
	if r.interest >= 0 {
		row.Interest = a.m.interests[r.interest]
	}
	row.Points, row.Limit, row.Once, row.HalfLife = r.points, r.limit, r.once, r.halfLife
	row.UnitKey, row.Units = x.key, x.units
	row.Counted, row.Reason = reason == reasonOK, reason
	row.ModelVersion = a.m.version
	row.GroupCap, row.GroupFloor = g.cap, g.floor
	row.Source = a.src
}
