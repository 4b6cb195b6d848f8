package model

// A packed lead is its whole state in some hundred bytes, without pointers: what a
// worker keeps of the leads it is not busy with. Texts that many leads share are
// numbers in Words, instants are told as the way from the newest event, the lead's id
// is left out where the visitor's gives it (see pack_key.go), and so is what is
// derived. Only Unpack of the same Words reads it.

// PackFormat is the number of the format. Packed leads stand in snapshots, which may
// be all that is left of an old lead: a release that changes the format has to go on
// reading the one before.
const PackFormat = 2

// What a packed lead has, one bit each. The first 14 take two bytes: what is rare
// comes after them.
const (
	keyAnonymous = 1 << iota // the id is made of the site and the anonymous id
	keyUser                  // or of the user id
	hasFacts                 // four bits, one a fact
	hasFact1
	hasFact2
	hasFact3
	hasLastName
	hasSeen       // lastSeen is not the newest event's time
	hasStageEarly // stageSince is nearer to firstSeen
	hasCooldown
	hasFlags
	hasTraits
	hasSessions
	hasSubStage
	hasCRM
	hasErased
	hasIdentity // of what is in common with a record, as such
	anyFact     = hasFacts | hasFact1 | hasFact2 | hasFact3
)

// Pack appends the lead to b.
func (l *Lead) Pack(b []byte, w *Words) []byte {
	p := packer{b: b, w: w, base: l.last.at}
	w.bind(l.model)
	mask := packMask(l)
	p.uint(mask)
	p.word(l.site)
	p.key(l, mask)
	p.uint(uint64(l.last.at))
	p.fixed(l.last.hash)
	p.word(l.model)
	p.b = append(p.b, l.fitBand)
	p.uint(l.revision)
	p.when(l.clock)
	p.day(l.foldedThrough)
	p.when(l.firstSeen)
	p.word(l.stage)
	if mask&hasStageEarly != 0 {
		p.int(l.stageSince - l.firstSeen)
	} else {
		p.when(l.stageSince)
	}
	p.uint(uint64(l.entryNo))
	p.word(l.lastType)
	p.text(l.path)
	p.optional(l, mask)
	p.facts(l, mask)
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
	set(l.lastName != "", hasLastName)
	set(l.lastSeen != l.last.at, hasSeen)
	set(gap(l.stageSince, l.firstSeen) < gap(l.stageSince, l.last.at), hasStageEarly)
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
	return mask | keyOf(l)
}

func gap(a, b int64) uint64 { return uint64(max(a, b)) - uint64(min(a, b)) }

func (p *packer) optional(l *Lead, mask uint64) {
	if mask&hasLastName != 0 {
		p.text(l.lastName)
	}
	if mask&hasSeen != 0 {
		p.when(l.lastSeen)
	}
	if mask&hasCRM != 0 {
		p.when(l.crm.at)
		p.fixed(l.crm.hash)
	}
	if mask&hasCooldown != 0 {
		p.when(l.cooldownUntil)
	}
	if mask&hasFlags != 0 {
		p.uint(uint64(len(l.flags)))
		for _, f := range l.flags {
			p.word(f)
		}
	}
	if mask&hasTraits != 0 {
		p.uint(uint64(len(l.traits)))
		for _, t := range l.traits {
			p.text(t.key)
			p.bytes(t.value)
			p.kind(t.stamp, l.last)
			p.stamp(t.stamp, l.last)
		}
	}
	if mask&hasSessions != 0 {
		p.uint(uint64(len(l.sessions)))
		for _, s := range l.sessions {
			p.fixed(s)
		}
	}
	if mask&hasSubStage != 0 {
		p.word(l.subStage)
	}
	if mask&hasErased != 0 {
		p.when(l.erasedUntil)
	}
	if mask&hasIdentity != 0 {
		p.bytes(l.packIdentity())
	}
}

// facts writes what kinds of stamps they have, two bits each, and then them.
func (p *packer) facts(l *Lead, mask uint64) {
	if mask&anyFact == 0 {
		return
	}
	facts, kinds := l.facts(), byte(0)
	for i, f := range facts {
		kinds |= stampKind(f.fact.stamp, l.last) << (2 * i)
	}
	p.b = append(p.b, kinds)
	for i, f := range facts {
		if mask&(hasFacts<<i) == 0 {
			continue
		}
		switch {
		case f.fact == keyFact(l, mask): // it stands at the front
		case f.fact == &l.userID || f.fact == &l.anonymousID:
			p.plain(f.fact.value) // a word for each of millions would only fill the table
		default:
			p.text(f.fact.value)
		}
		p.stamp(f.fact.stamp, l.last)
	}
}
