package model

import (
	"slices"

	"leadstream/schemas/pb"
)

// Record is all that is known of the lead: the changelog entry that Restore
// reads, and the snapshot that people and SQL read. receivedAt and src are those
// of the record that caused it.
func (m *Model) Record(l *Lead, receivedAt int64, src *pb.Source) *pb.LeadRecord {
	m.bind(l)
	score := m.Score(l, l.clock)
	r := &pb.LeadRecord{
		LeadId: l.id[:], Site: l.site, Track: m.track, Revision: l.revision,
		AnonymousId: l.anonymousID.value, UserId: l.userID.value,
		Name: l.name(), Email: l.email(), Company: l.company(), Country: l.countryName(),
		Traits: l.traitsJSON(),
		Score:  score, ScoredAt: l.clock, Engagement: uint32(m.engagement(score)),
		Fit: m.fit(l), Grade: m.grade(l, score),
		Stage: l.stage, SubStage: l.subStage, StageSince: l.stageSince, EntryNo: l.entryNo,
		FirstSeen: l.firstSeen, LastSeen: l.lastSeen, Sessions: uint32(len(l.sessions)),
		LastType: l.lastType, LastName: l.lastName, LastPath: l.path, LastRule: l.lastRule.value,
		Flags: slices.Clone(l.flags), Terms: m.terms(l), Bands: slices.Clone(m.bands[:]),
		ModelVersion: m.version, ReceivedAt: receivedAt, Source: src, State: l.stateRecord(),
	}
	if i := m.stageIndex(l.stage); i >= 0 {
		r.StageOrder = uint32(i)
		if at, ok := m.Due(l); ok {
			r.FallsAt, r.FallsTo = at, m.stages[i-1].ID
		}
	}
	for _, g := range m.groups {
		r.Groups = append(r.Groups, &pb.GroupBound{Name: g.name, Cap: g.cap, Floor: g.floor})
	}
	return r
}

// terms are the score's parts for SQL: one for what each rule has folded, one for
// each open day.
func (m *Model) terms(l *Lead) []*pb.Term {
	var terms []*pb.Term
	for i := range l.rules {
		s := &l.rules[i]
		r := &m.rules[s.index]
		add := func(v float64, anchor int64) {
			if v == 0 {
				return
			}
			t := &pb.Term{Rule: r.id, Group: m.groups[r.group].name, Value: v, Anchor: anchor, HalfLife: r.halfLife}
			if r.interest >= 0 {
				t.Interest = m.interests[r.interest]
			}
			terms = append(terms, t)
		}
		if s.onceDay != 0 {
			add(r.points, endOf(s.onceDay))
		}
		add(s.acc.at(endOf(l.foldedThrough), r.halfLife), endOf(l.foldedThrough))
		for _, d := range s.days {
			add(float64(r.points*float64(d.count(r.limit))), endOf(d.day))
		}
	}
	return terms
}

// stateRecord is what only Restore reads.
func (l *Lead) stateRecord() *pb.LeadState {
	s := &pb.LeadState{
		ModelVersion: l.model, Clock: l.clock, FoldedThrough: l.foldedThrough,
		Sessions: slices.Clone(l.sessions), CooldownUntil: l.cooldownUntil,
		LastEventTime: l.last.at, LastEventHash: l.last.hash,
		CrmTime: l.crm.at, CrmHash: l.crm.hash, ErasedUntil: l.erasedUntil,
	}
	for _, t := range l.traits {
		s.Traits = append(s.Traits, traitRecord(t.key, t.value, t.stamp))
	}
	for _, f := range l.facts() {
		if f.fact.stamp != (stamp{}) {
			s.Facts = append(s.Facts, traitRecord(f.key, []byte(f.fact.value), f.fact.stamp))
		}
	}
	for i := range l.rules {
		s.Rules = append(s.Rules, l.rules[i].record())
	}
	return s
}

func traitRecord(key string, value []byte, at stamp) *pb.Trait {
	return &pb.Trait{Key: key, Value: value, EventTime: at.at, EventHash: at.hash}
}

// facts names the lead's single values for the stored state.
func (l *Lead) facts() [4]struct {
	key  string
	fact *fact
} {
	return [4]struct {
		key  string
		fact *fact
	}{{"anonymous_id", &l.anonymousID}, {"country", &l.country}, {"rule", &l.lastRule}, {"user_id", &l.userID}}
}

func (s *ruleState) record() *pb.RuleState {
	r := &pb.RuleState{Rule: s.rule, AccM: s.acc.m, AccE: s.acc.e, HalfLife: s.halfLife, OnceDay: s.onceDay, LastDay: s.lastDay}
	for _, d := range s.days {
		day := &pb.DayState{Day: d.day}
		if d.units == nil {
			day.Ids = slices.Clone(d.keys)
		} else {
			for i, key := range d.keys {
				day.Views = append(day.Views, &pb.View{Id: key, Units: d.units[i]})
			}
		}
		r.Days = append(r.Days, day)
	}
	return r
}
