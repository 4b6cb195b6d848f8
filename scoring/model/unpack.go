package model

import (
	"errors"
	"fmt"
	"math"

	"leadstream/schemas"
)

var errShort = errors.New("it ends too early")

// Unpack reads what Pack wrote into l, whose memory is used again: nothing of what l
// was before may still be in use. Attributes' values are parts of b, which must
// not change afterwards.
func (m *Model) Unpack(b []byte, id schemas.LeadID, w *Words, l *Lead) error {
	u := unpacker{b: b, w: w, m: m}
	*l = Lead{id: id, rules: l.rules[:0], sessions: l.sessions[:0], traits: l.traits[:0], flags: l.flags[:0]}
	mask := u.uint()
	l.site = u.text()
	u.key(l, mask)
	l.last.at = int64(u.uint())
	u.base = l.last.at
	l.last.hash = u.fixed()
	l.model = u.text()
	l.fitBand, l.revision = u.byte(), u.uint()
	l.clock, l.foldedThrough, l.firstSeen = u.when(), u.day(), u.when()
	l.stage, l.stageSince = u.text(), u.int()
	if mask&hasStageEarly != 0 {
		l.stageSince += l.firstSeen
	} else {
		l.stageSince += u.base
	}
	l.entryNo = uint32(u.uint())
	l.lastType, l.path = u.text(), u.text()
	u.optional(l, mask)
	u.facts(l, mask)
	for n := u.count(2); n > 0; n-- {
		u.rule(l)
	}
	if u.err == nil && len(u.b) > 0 {
		u.err = fmt.Errorf("%d bytes are left over", len(u.b))
	}
	if u.err != nil {
		return fmt.Errorf("packed lead %s: %w", id, u.err)
	}
	m.bind(l)
	return nil
}

// unpacker reads; after an error it reads zeros.
type unpacker struct {
	b    []byte
	w    *Words
	m    *Model
	base int64
	err  error
}

func (u *unpacker) optional(l *Lead, mask uint64) {
	if mask&hasLastName != 0 {
		l.lastName = u.text()
	}
	l.lastSeen = u.base
	if mask&hasSeen != 0 {
		l.lastSeen = u.when()
	}
	if mask&hasCRM != 0 {
		l.crm.at = u.when()
		l.crm.hash = u.fixed()
	}
	if mask&hasCooldown != 0 {
		l.cooldownUntil = u.when()
	}
	if mask&hasFlags != 0 {
		for n := u.count(1); n > 0; n-- {
			l.flags = append(l.flags, u.text())
		}
	}
	if mask&hasTraits != 0 {
		for n := u.count(3); n > 0; n-- {
			key := u.text()
			value := u.take(u.uint())
			l.traits = append(l.traits, trait{key, value, u.stamp(u.byte(), l.last)})
		}
	}
	if mask&hasSessions != 0 {
		for n := u.count(8); n > 0; n-- {
			l.sessions = append(l.sessions, u.fixed())
		}
	}
	if mask&hasSubStage != 0 {
		l.subStage = u.text()
	}
	if mask&hasErased != 0 {
		l.erasedUntil = u.when()
	}
	if mask&hasIdentity != 0 {
		if err := l.unpackIdentity(u.m, u.take(u.uint())); err != nil {
			u.fail(err)
		}
	}
}

func (u *unpacker) facts(l *Lead, mask uint64) {
	if mask&anyFact == 0 {
		return
	}
	kinds := u.byte()
	for i, f := range l.facts() {
		if mask&(hasFacts<<i) == 0 {
			continue
		}
		if f.fact != keyFact(l, mask) {
			f.fact.value = u.text()
		}
		f.fact.stamp = u.stamp(kinds>>(2*i)&3, l.last)
	}
}

// rule reads one rule's state. It takes over the memory of the days that stood
// there before, behind the slice's end.
func (u *unpacker) rule(l *Lead) {
	t, err := u.w.term(u.uint(), u.m)
	if err != nil {
		u.fail(err)
		return
	}
	n := len(l.rules)
	var days []dayUnits
	if n < cap(l.rules) {
		l.rules = l.rules[:n+1]
		days = l.rules[n].days[:0]
	} else {
		l.rules = append(l.rules, ruleState{})
	}
	s := &l.rules[n]
	*s = ruleState{rule: t.rule, index: t.index, halfLife: t.halfLife}
	if t.index < 0 {
		l.model = "" // bind will take it out, also if a version's name was used twice
	}
	has := u.byte()
	if has&ruleOnce != 0 {
		s.onceDay = u.day()
	}
	last := int32(0)
	if has&ruleNewest != 0 {
		last = u.day()
	}
	if has&ruleSum != 0 {
		s.acc.m = math.Float64frombits(u.fixed())
	}
	whole := has&ruleWhole != 0
	if whole {
		s.acc.e = int32(u.int())
	}
	if has&ruleDays != 0 {
		for n := u.count(2); n > 0; n-- {
			days = u.units(days)
		}
		s.days = days
	}
	s.lastDay = s.newest()
	if has&ruleNewest != 0 {
		s.lastDay = last
	}
	if has&ruleSum != 0 && !whole && s.halfLife != 0 {
		s.acc.e = exponent(s.lastDay, s.halfLife)
	}
}

func (u *unpacker) units(days []dayUnits) []dayUnits {
	at := len(days)
	if at < cap(days) {
		days = days[:at+1]
	} else {
		days = append(days, dayUnits{})
	}
	d := &days[at]
	keys, units := d.keys[:0], d.units[:0]
	*d = dayUnits{day: u.day()}
	head := u.uint()
	n := head >> 1
	if n > uint64(len(u.b))/8 {
		u.fail(errShort)
		return days
	}
	for range n {
		keys = append(keys, u.fixed())
	}
	d.keys = keys
	if head&1 == 0 {
		return days
	}
	for range n {
		units = append(units, uint32(u.uint()))
	}
	if units == nil {
		units = []uint32{}
	}
	d.units = units
	return days
}
