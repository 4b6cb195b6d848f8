package model

import (
	"encoding/binary"
	"math"
)

// A packed lead is its whole state in some hundred bytes, without pointers: what a
// worker keeps of the leads it is not busy with. Texts that many leads share are
// numbers in Words, instants are told as the way from the newest event, and what is
// derived is left out. Only Unpack of the same Words reads it.

// PackFormat is the number of the format. Packed leads stand in snapshots, which may
// be all that is left of an old lead: a release that changes the format has to go on
// reading the one before.
const PackFormat = 1

// What a packed lead has, one bit each.
const (
	hasCRM = 1 << iota
	hasCooldown
	hasFlags
	hasTraits
	hasSessions
	hasSubStage
	hasFacts // four more bits, one a fact
	hasFact1
	hasFact2
	hasFact3
	hasErased
	hasIdentity // of what is in common with a record, as such
)

// What a packed rule has.
const (
	ruleOnce   = 1 << iota
	ruleSum    // an accumulator
	ruleWhole  // whose exponent is not the one of its last day
	ruleDays   // open days
	ruleNewest // the last day is not the newest of the above
)

// Pack appends the lead to b.
func (l *Lead) Pack(b []byte, w *Words) []byte {
	p := packer{b: b, w: w, base: l.last.at}
	w.bind(l.model)
	p.uint(packMask(l))
	p.uint(uint64(l.last.at))
	p.fixed(l.last.hash)
	p.word(l.site)
	p.word(l.model)
	p.b = append(p.b, l.fitBand)
	p.uint(l.revision)
	p.when(l.clock)
	p.day(l.foldedThrough)
	p.word(l.stage)
	p.when(l.stageSince)
	p.uint(uint64(l.entryNo))
	p.when(l.firstSeen)
	p.when(l.lastSeen)
	p.word(l.lastType)
	p.text(l.lastName)
	p.text(l.path)
	p.optional(l)
	p.uint(uint64(len(l.rules)))
	for i := range l.rules {
		p.rule(l, &l.rules[i])
	}
	return p.b
}

func packMask(l *Lead) (mask uint64) {
	set := func(is bool, bit uint64) {
		if is {
			mask |= bit
		}
	}
	set(l.crm != stamp{}, hasCRM)
	set(l.cooldownUntil != 0, hasCooldown)
	set(l.erasedUntil != 0, hasErased)
	set(l.home != nil || len(l.parts) > 0, hasIdentity)
	set(len(l.flags) > 0, hasFlags)
	set(len(l.traits) > 0, hasTraits)
	set(len(l.sessions) > 0, hasSessions)
	set(l.subStage != "", hasSubStage)
	for i, f := range l.facts() {
		set(*f.fact != fact{}, hasFacts<<i)
	}
	return mask
}

// packer writes.
type packer struct {
	b    []byte
	w    *Words
	base int64 // the newest event's time
}

func (p *packer) uint(v uint64)  { p.b = binary.AppendUvarint(p.b, v) }
func (p *packer) int(v int64)    { p.b = binary.AppendVarint(p.b, v) }
func (p *packer) fixed(v uint64) { p.b = binary.LittleEndian.AppendUint64(p.b, v) }

// when writes an instant; differences may wrap around, and wrap back when read.
func (p *packer) when(at int64) { p.int(at - p.base) }

// day writes a day that is most likely some days ago; day 0 stands for none.
func (p *packer) day(day int32) { p.int(p.base/msDay - int64(day)) }

// word writes a text of which there are few, text any other; see Words.
func (p *packer) word(s string) { p.write(s, maxWords) }
func (p *packer) text(s string) { p.write(s, maxTexts) }

// The lowest two bits of a text's number say what it is.
const (
	textPlain = iota // so many bytes follow
	textWord         // the number of a word
	textUUID         // 16 bytes follow
)

func (p *packer) write(s string, limit int) {
	if n, ok := p.w.number(s, limit); ok {
		p.uint(uint64(n)<<2 | textWord)
		return
	}
	p.plain(s)
}

// plain writes a text that no other lead has.
func (p *packer) plain(s string) {
	if len(s) == 36 {
		if id, ok := parseUUID(s); ok {
			p.uint(textUUID)
			p.b = append(p.b, id[:]...)
			return
		}
	}
	p.uint(uint64(len(s)) << 2) // textPlain
	p.b = append(p.b, s...)
}

// parseUUID reads what schemas.LeadID.String writes, and nothing else: small letters.
func parseUUID(s string) (id [16]byte, ok bool) {
	at := 0
	for i := 0; i < 36; i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return id, false
			}
			continue
		}
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return id, false
		}
		id[at/2] = id[at/2]<<4 | c
		at++
	}
	return id, true
}

func (p *packer) bytes(v []byte) {
	p.uint(uint64(len(v)))
	p.b = append(p.b, v...)
}

// stamp writes 0 for the newest event's, which most stamps are, 1 for none.
func (p *packer) stamp(s, newest stamp) {
	switch s {
	case newest:
		p.b = append(p.b, 0)
	case stamp{}:
		p.b = append(p.b, 1)
	default:
		p.b = append(p.b, 2)
		p.when(s.at)
		p.fixed(s.hash)
	}
}

func (p *packer) optional(l *Lead) {
	if l.crm != (stamp{}) {
		p.when(l.crm.at)
		p.fixed(l.crm.hash)
	}
	if l.cooldownUntil != 0 {
		p.when(l.cooldownUntil)
	}
	if len(l.flags) > 0 {
		p.uint(uint64(len(l.flags)))
		for _, f := range l.flags {
			p.word(f)
		}
	}
	if len(l.traits) > 0 {
		p.uint(uint64(len(l.traits)))
		for _, t := range l.traits {
			p.text(t.key)
			p.bytes(t.value)
			p.stamp(t.stamp, l.last)
		}
	}
	if len(l.sessions) > 0 {
		p.uint(uint64(len(l.sessions)))
		for _, s := range l.sessions {
			p.fixed(s)
		}
	}
	if l.subStage != "" {
		p.word(l.subStage)
	}
	if l.erasedUntil != 0 {
		p.when(l.erasedUntil)
	}
	if l.home != nil || len(l.parts) > 0 {
		p.bytes(l.packIdentity())
	}
	for _, f := range l.facts() {
		if *f.fact == (fact{}) {
			continue
		}
		if f.fact == &l.userID || f.fact == &l.anonymousID {
			p.plain(f.fact.value) // a word for each of millions would only fill the table
		} else {
			p.text(f.fact.value)
		}
		p.stamp(f.fact.stamp, l.last)
	}
}

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
