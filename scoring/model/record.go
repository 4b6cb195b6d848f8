package model

import (
	"cmp"

	"leadstream/schemas/pb"
)

// Record is all that is known of the lead: the changelog entry that Restore
// reads, and the snapshot that people and SQL read. receivedAt and src are those
// of the record that caused it.
func (m *Model) Record(l *Lead, receivedAt int64, src *pb.Source) *pb.LeadRecord {
	m.bind(l)
	return m.RecordInto(new(pb.LeadRecord), l.Clone(), receivedAt, src)
}

// RecordInto is Record in the memory of an earlier one, for a worker that writes
// thousands a second. Lists in it are the lead's and the model's own: it holds until
// the lead changes, and is only for reading.
func (m *Model) RecordInto(r *pb.LeadRecord, l *Lead, receivedAt int64, src *pb.Source) *pb.LeadRecord {
	m.bind(l)
	score := m.Score(l, l.clock)
	terms, state := r.Terms, r.State
	r.Reset()
	r.LeadId, r.Site, r.Track, r.Revision = l.id[:], l.site, m.track, l.revision
	r.AnonymousId, r.UserId = l.anonymousID.value, l.userID.value
	r.Name, r.Email, r.Company, r.Country = l.name(), l.email(), l.company(), l.countryName()
	r.Traits = l.traitsJSON()
	r.Score, r.ScoredAt, r.Engagement = score, l.clock, uint32(m.engagement(score))
	r.Fit, r.Grade = m.fit(l), m.grade(l, score)
	r.Stage, r.SubStage, r.StageSince, r.EntryNo = l.stage, l.subStage, l.stageSince, l.entryNo
	r.FirstSeen, r.LastSeen, r.Sessions = l.firstSeen, l.lastSeen, uint32(len(l.sessions))
	r.LastType, r.LastName, r.LastPath, r.LastRule = l.lastType, l.lastName, l.path, l.lastRule.value
	r.Flags, r.Bands, r.Groups = l.flags, m.bands[:], m.bounds
	r.ModelVersion, r.ReceivedAt, r.Source = cmp.Or(l.scored, m.version), receivedAt, src
	if i := m.stageIndex(l.stage); i >= 0 {
		r.StageOrder = uint32(i)
		if at, ok := m.Due(l); ok {
			r.FallsAt, r.FallsTo = at, m.stages[i-1].ID
		}
	}
	l.identity(r)
	r.Terms = m.terms(l, terms[:0])
	if state == nil {
		state = new(pb.LeadState)
	}
	r.State = l.stateRecord(state)
	return r
}

// another is a list with one more element, used before if there is one behind its end.
func another[T any](list []*T) []*T {
	if n := len(list); n < cap(list) {
		if list = list[:n+1]; list[n] != nil {
			return list
		}
		list[n] = new(T)
		return list
	}
	return append(list, new(T))
}

// terms are the score's parts for SQL: one for what each rule has folded, one for
// each open day.
func (m *Model) terms(l *Lead, terms []*pb.Term) []*pb.Term {
	term := func(r *rule, v float64, anchor int64) {
		if v == 0 {
			return
		}
		terms = another(terms)
		t := terms[len(terms)-1]
		*t = pb.Term{Rule: r.id, Group: m.groups[r.group].name, Value: v, Anchor: anchor, HalfLife: r.halfLife}
		if r.interest >= 0 {
			t.Interest = m.interests[r.interest]
		}
	}
	for i := range l.rules {
		s := &l.rules[i]
		r := &m.rules[s.index]
		add := func(v float64, anchor int64) { term(r, v, anchor) }
		if s.onceDay != 0 {
			add(r.points, endOf(s.onceDay))
		}
		add(s.acc.at(endOf(l.foldedThrough), r.halfLife), endOf(l.foldedThrough))
		for _, d := range s.days {
			add(float64(r.points*float64(d.count(r.limit))), endOf(d.day))
		}
	}
	for i := range l.parts {
		p := &l.parts[i]
		for _, a := range p.apart {
			term(&m.rules[a.index], a.acc.at(endOf(p.through), a.halfLife), endOf(p.through))
		}
	}
	return terms
}

// stateRecord is what only Restore reads.
func (l *Lead) stateRecord(s *pb.LeadState) *pb.LeadState {
	traits, facts, rules := s.Traits[:0], s.Facts[:0], s.Rules[:0]
	s.Reset()
	s.ModelVersion, s.Clock, s.FoldedThrough = cmp.Or(l.scored, l.model), l.clock, l.foldedThrough
	s.Sessions, s.CooldownUntil = l.sessions, l.cooldownUntil
	s.LastEventTime, s.LastEventHash = l.last.at, l.last.hash
	s.CrmTime, s.CrmHash, s.ErasedUntil = l.crm.at, l.crm.hash, l.erasedUntil
	s.Home = l.home.record()
	for i := range l.parts {
		s.Parts = append(s.Parts, l.parts[i].record())
	}
	for _, t := range l.traits {
		traits = another(traits)
		traitRecord(traits[len(traits)-1], t.key, t.value, t.stamp)
	}
	for _, f := range l.facts() {
		if f.fact.stamp != (stamp{}) {
			facts = another(facts)
			traitRecord(facts[len(facts)-1], f.key, []byte(f.fact.value), f.fact.stamp)
		}
	}
	for i := range l.rules {
		rules = another(rules)
		l.rules[i].record(rules[len(rules)-1])
	}
	s.Traits, s.Facts, s.Rules = traits, facts, rules
	return s
}

func traitRecord(t *pb.Trait, key string, value []byte, at stamp) {
	*t = pb.Trait{Key: key, Value: value, EventTime: at.at, EventHash: at.hash}
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

func (s *ruleState) record(r *pb.RuleState) {
	days := r.Days[:0]
	for i := range s.days {
		days = another(days)
		s.days[i].record(days[i])
	}
	*r = pb.RuleState{Rule: s.rule, AccM: s.acc.m, AccE: s.acc.e, HalfLife: s.halfLife, OnceDay: s.onceDay, LastDay: s.lastDay, Days: days}
}

func (d *dayUnits) record(r *pb.DayState) {
	views := r.Views[:0]
	for i, units := range d.units {
		views = another(views)
		*views[i] = pb.View{Id: d.keys[i], Units: units}
	}
	*r = pb.DayState{Day: d.day, Views: views}
	if d.units == nil {
		r.Ids = d.keys
	}
}
