package model

import (
	"bytes"
	"slices"

	"leadstream/schemas"
)

// A lead that ids were joined to is kept twice: once as the union of all their
// events, which is what scores read and what Apply always worked on, and once id
// by id, each as if it stood alone (part). The union of sets of units is exact
// while days are open. Days that had closed before an id was joined have no sets
// any more, only sums: those stay the id's own (apart), with the id's own limits
// a day, and are added on reading. So nothing is ever added twice, and to cut an
// id off again is to leave its part out and unite the others anew.

// part is what one id's events brought.
type part struct {
	id   schemas.LeadID
	key  string   // record key of its home; "" for the lead's own
	via  []string // homes that handed it on, its own first
	lead *Lead    // as if alone; its stage is the one it had when it came
	// known: a user's id, joined by a person.
	known bool
	epoch uint32
	at    int64 // received_at of what joined it
	// through is the last day whose units had become sums: it counts apart.
	through int32
	apart   []apartSum // by rule
	// united is the publication that has scored all days as the lead's, 0 if none has: none
	// counts apart any more. For rows of the ledger from before it, days up to `former` do.
	united uint32
	former int32
}

// apartSum is what a rule's days up to `through` came to.
type apartSum struct {
	rule     string
	index    int32
	acc      accumulator
	halfLife float64
}

func (p *part) clone() part {
	c := *p
	c.lead, c.via, c.apart = p.lead.Clone(), slices.Clone(p.via), slices.Clone(p.apart)
	return c
}

// part finds an id's part, nil if it is not joined here.
func (l *Lead) part(id schemas.LeadID) *part {
	for i := range l.parts {
		if l.parts[i].id == id {
			return &l.parts[i]
		}
	}
	return nil
}

// closedBy is the last UTC day that no event received from `at` on can reach.
func closedBy(at int64) int32 {
	if at < lateness+3*msDay {
		return 0
	}
	return dayOf(at-lateness-1) - 1
}

// bind fits the part to another model, as a lead is.
func (p *part) bind(m *Model) {
	m.bind(p.lead)
	p.apart = slices.DeleteFunc(p.apart, func(a apartSum) bool { return m.ruleByID(a.rule) == nil })
	for i := range p.apart {
		a := &p.apart[i]
		r := m.ruleByID(a.rule)
		a.index = r.index
		if a.halfLife != r.halfLife {
			v := a.acc.at(endOf(p.through), a.halfLife)
			a.acc, a.halfLife = accumulator{}, r.halfLife
			a.acc.add(v, int64(p.through)+1, r.halfLife)
		}
	}
}

// setApart works out what the part's days up to `through` come to, as far as they
// are not folded together with later ones.
func (p *part) setApart(m *Model) {
	if p.lead.foldedThrough > p.through {
		return // it stands as it was: those days cannot change any more
	}
	p.apart = nil
	for i := range p.lead.rules {
		s := &p.lead.rules[i]
		r := &m.rules[s.index]
		if r.once {
			continue
		}
		acc := s.acc
		for j := range s.days {
			if d := &s.days[j]; d.day <= p.through {
				acc.add(float64(r.points*float64(d.count(r.limit))), int64(d.day)+1, r.halfLife)
			}
		}
		if acc.m != 0 {
			p.apart = append(p.apart, apartSum{r.id, r.index, acc, r.halfLife})
		}
	}
}

// unite joins a part's state into the union. Every line is a set union or the
// newest value, so order and repeats change nothing.
func (l *Lead) unite(m *Model, p *part) {
	c := p.lead
	l.userID.join(c.userID)
	l.anonymousID.join(c.anonymousID)
	l.country.join(c.country)
	l.lastRule.join(c.lastRule)
	for _, t := range c.traits {
		l.setTrait(trait{t.key, bytes.Clone(t.value), t.stamp})
	}
	for _, f := range c.flags {
		l.addFlag(f)
	}
	l.sessions = smallest(nil, append(slices.Clone(l.sessions), c.sessions...), maxSessions)
	if c.firstSeen != 0 && (l.firstSeen == 0 || c.firstSeen < l.firstSeen) {
		l.firstSeen = c.firstSeen
	}
	l.lastSeen, l.clock = max(l.lastSeen, c.lastSeen), max(l.clock, c.clock)
	if c.last.after(l.last) {
		l.last, l.lastType, l.lastName, l.path = c.last, c.lastType, c.lastName, c.path
	}
	for i := range c.rules {
		s := &c.rules[i]
		l.stateFor(&m.rules[s.index]).unite(&m.rules[s.index], s, p.through)
	}
	l.fitBand = 0
}

func (f *fact) join(o fact) {
	if o.stamp.after(f.stamp) {
		*f = o
	}
}

// unite takes over the days after `through`.
func (s *ruleState) unite(r *rule, o *ruleState, through int32) {
	if o.onceDay != 0 && (s.onceDay == 0 || o.onceDay < s.onceDay) {
		s.onceDay = o.onceDay
	}
	s.lastDay = max(s.lastDay, o.lastDay)
	for _, d := range o.days {
		if d.day <= through {
			continue
		}
		into := s.open(d.day)
		for i, key := range d.keys {
			units := uint32(1)
			if d.units != nil {
				units = d.units[i]
			}
			into.add(key, units, r.limit, r.unit == unitDwell)
		}
	}
}

// addApart adds the sums that count apart into sums by group, in the order of ids and
// rules: the order is part of the score's bits.
func (m *Model) addApart(sums []float64, l *Lead, gives, takes int64) {
	for i := range l.parts {
		p := &l.parts[i]
		closed := endOf(p.through)
		give, take := moment{at: max(gives, closed)}, moment{at: max(takes, closed)}
		for _, a := range p.apart {
			r := &m.rules[a.index]
			if r.points < 0 {
				sums[r.group] += take.read(a.acc, a.halfLife)
			} else {
				sums[r.group] += give.read(a.acc, a.halfLife)
			}
		}
	}
}

// apartOf is what one rule's days that count apart are worth.
func (l *Lead) apartOf(r *rule, at int64) (v float64) {
	for i := range l.parts {
		p := &l.parts[i]
		for _, a := range p.apart {
			if a.index == r.index {
				t := moment{at: max(at, endOf(p.through))}
				v += t.read(a.acc, a.halfLife)
			}
		}
	}
	return v
}
