package model

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Restore makes the lead that Record described. A record of an older model is
// fitted to this one (see bind). What it cannot read it refuses, for a lead that
// is half restored would pay old points twice.
func (m *Model) Restore(r *pb.LeadRecord) (*Lead, error) {
	l := new(Lead)
	if err := m.RestoreInto(l, r); err != nil {
		return nil, err
	}
	return l, nil
}

// RestoreInto is Restore in the memory of another lead, which is gone then. The
// lead's texts and attributes are parts of the record.
func (m *Model) RestoreInto(l *Lead, r *pb.LeadRecord) error {
	if len(r.GetLeadId()) != len(schemas.LeadID{}) {
		return fmt.Errorf("lead record: lead_id has %d bytes, want 16", len(r.GetLeadId()))
	}
	id := schemas.LeadID(r.GetLeadId())
	st := r.GetState()
	if st == nil {
		return fmt.Errorf("lead record %s: it has no state: it is no changelog record", id)
	}
	old := *l
	*l = Lead{
		id: id, site: r.GetSite(), model: st.GetModelVersion(), revision: r.GetRevision(), erasedUntil: st.GetErasedUntil(),
		clock: st.GetClock(), foldedThrough: max(0, st.GetFoldedThrough()),
		sessions: smallest(old.sessions, st.GetSessions(), maxSessions), flags: append(old.flags[:0], r.GetFlags()...),
		rules: old.rules[:0], traits: old.traits[:0],
		stage: r.GetStage(), subStage: r.GetSubStage(), stageSince: r.GetStageSince(),
		entryNo: r.GetEntryNo(), cooldownUntil: st.GetCooldownUntil(),
		crm:       stamp{st.GetCrmTime(), st.GetCrmHash()},
		firstSeen: r.GetFirstSeen(), lastSeen: r.GetLastSeen(),
		last:     stamp{st.GetLastEventTime(), st.GetLastEventHash()},
		lastType: r.GetLastType(), lastName: r.GetLastName(), path: r.GetLastPath(),
	}
	for _, t := range st.GetTraits() {
		l.setTrait(trait{t.GetKey(), t.GetValue(), stamp{t.GetEventTime(), t.GetEventHash()}})
	}
	for _, f := range l.facts() {
		for _, t := range st.GetFacts() {
			if t.GetKey() == f.key {
				*f.fact = fact{string(t.GetValue()), stamp{t.GetEventTime(), t.GetEventHash()}}
			}
		}
	}
	for _, rs := range st.GetRules() {
		var used []dayUnits
		if n := len(l.rules); n < cap(l.rules) {
			used = l.rules[:n+1][n].days
		}
		s, err := restoreRule(rs, used[:0])
		if err != nil {
			return fmt.Errorf("lead record %s: rule %.60q: %w", id, rs.GetRule(), err)
		}
		l.rules = append(l.rules, s)
	}
	return m.restored(l, st.GetHome(), st.GetParts())
}

// restored makes what was read of a record a lead of this model.
func (m *Model) restored(l *Lead, home *pb.Home, parts []*pb.Part) error {
	if l.clock < 0 || l.clock > latest || l.stageSince < 0 || l.stageSince > latest {
		return fmt.Errorf("lead record %s: clock %d or stage_since %d is no instant before the year 10000", l.id, l.clock, l.stageSince)
	}
	slices.Sort(l.flags)
	l.flags = slices.Compact(l.flags)
	if !slices.IsSortedFunc(l.rules, compareRules) {
		slices.SortFunc(l.rules, compareRules)
	}
	l.rules = slices.CompactFunc(l.rules, func(a, b ruleState) bool { return a.rule == b.rule })
	l.home = restoreHome(home)
	if err := l.restoreParts(m, parts); err != nil {
		return fmt.Errorf("lead record %s: %w", l.id, err)
	}
	if m.publication > 0 && schemas.PublicationOf(l.model) != uint32(m.publication) {
		l.scored = l.model
	}
	l.model = "" // bind even under the same version: the indexes are not set yet
	m.bind(l)
	return nil
}

func compareRules(a, b ruleState) int { return strings.Compare(a.rule, b.rule) }

// restoreRule may use the memory of the days that stood in this place before.
func restoreRule(r *pb.RuleState, days []dayUnits) (ruleState, error) {
	s := ruleState{
		rule: r.GetRule(), onceDay: r.GetOnceDay(), lastDay: r.GetLastDay(), halfLife: r.GetHalfLife(),
		acc: accumulator{r.GetAccM(), r.GetAccE()},
	}
	for _, d := range r.GetDays() {
		var used dayUnits
		if n := len(days); n < cap(days) {
			used = days[:n+1][n]
		}
		day := dayUnits{day: d.GetDay(), keys: used.keys[:0]}
		switch {
		case len(d.GetViews()) > 0:
			views := slices.Clone(d.GetViews())
			slices.SortFunc(views, func(a, b *pb.View) int { return cmp.Compare(a.GetId(), b.GetId()) })
			for _, v := range views {
				day.keys = append(day.keys, v.GetId())
				day.units = append(day.units, max(1, min(v.GetUnits(), maxLimit)))
			}
		default:
			day.keys = smallest(used.keys, d.GetIds(), maxLimit)
		}
		days = append(days, day)
	}
	s.days = days
	return s, s.check()
}

// check refuses a state whose sum cannot be read, and puts the rest in order.
func (s *ruleState) check() error {
	if bad(s.acc.m) || s.halfLife != 0 && !(s.halfLife >= minDays && s.halfLife <= maxDays) {
		return fmt.Errorf("acc_m %g with half_life %g is no sum that fades", s.acc.m, s.halfLife)
	}
	for _, d := range s.days { // an older version's record does not say
		s.lastDay = max(s.lastDay, d.day)
	}
	s.lastDay = max(s.lastDay, s.onceDay)
	slices.SortFunc(s.days, func(a, b dayUnits) int { return cmp.Compare(a.day, b.day) })
	return nil
}

func bad(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// smallest is the n smallest different values, ascending, in the memory of old.
func smallest(old, values []uint64, n int) []uint64 {
	out := append(old[:0], values...)
	if !slices.IsSorted(out) {
		slices.Sort(out)
	}
	out = slices.Compact(out)
	return out[:min(len(out), n)]
}
