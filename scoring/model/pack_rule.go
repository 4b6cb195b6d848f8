package model

import "math"

// What a packed rule has.
const (
	ruleOnce   = 1 << iota
	ruleSum    // an accumulator
	ruleWhole  // whose exponent is not the one of its last day
	ruleDays   // open days
	ruleNewest // the last day is not the newest of the above
)

func (p *packer) rule(l *Lead, s *ruleState) {
	newest := s.newest()
	var has byte
	if s.onceDay != 0 {
		has |= ruleOnce
	}
	if s.acc.m != 0 || s.acc.e != 0 || math.Signbit(s.acc.m) {
		has |= ruleSum
		if s.halfLife != 0 && s.acc.e != exponent(s.lastDay, s.halfLife) || s.halfLife == 0 && s.acc.e != 0 {
			has |= ruleWhole
		}
	}
	if len(s.days) > 0 {
		has |= ruleDays
	}
	if s.lastDay != newest {
		has |= ruleNewest
	}
	p.uint(uint64(p.w.termNumber(l.model, s)))
	p.b = append(p.b, has)
	if has&ruleOnce != 0 {
		p.day(s.onceDay)
	}
	if has&ruleNewest != 0 {
		p.day(s.lastDay)
	}
	if has&ruleSum != 0 {
		p.fixed(math.Float64bits(s.acc.m))
	}
	if has&ruleWhole != 0 {
		p.int(int64(s.acc.e))
	}
	if has&ruleDays != 0 {
		p.uint(uint64(len(s.days)))
		for i := range s.days {
			p.units(&s.days[i])
		}
	}
}

func (p *packer) units(d *dayUnits) {
	p.day(d.day)
	many := uint64(0)
	if d.units != nil {
		many = 1
	}
	p.uint(uint64(len(d.keys))<<1 | many)
	for _, key := range d.keys {
		p.fixed(key)
	}
	for _, n := range d.units {
		p.uint(uint64(n))
	}
}
