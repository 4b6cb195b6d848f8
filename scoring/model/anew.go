package model

import (
	"slices"

	"leadstream/schemas"
)

// A lead that ids are joined to is scored anew as a whole: all events of its ids are played on an
// empty lead of the same ids, which counts each in the union and in the part that it is of, and
// writes the ledger's rows under the id. No day counts apart afterwards, not even one that had
// closed when its id was joined.

// Anew is an empty lead of the same ids, for their history to be played on.
func (l *Lead) Anew() *Lead {
	fresh := &Lead{id: l.id, site: l.site, erasedUntil: l.erasedUntil}
	for i := range l.parts {
		p := &l.parts[i]
		fresh.parts = append(fresh.parts, part{
			id: p.id, key: p.key, via: slices.Clone(p.via), epoch: p.epoch, at: p.at, known: p.known,
			lead: &Lead{id: p.id, site: p.lead.site, erasedUntil: p.lead.erasedUntil},
		})
	}
	return fresh
}

// Fits tells whether a lead that Anew made is still one of the same ids, each handed over as often
// as it was then, and of the same erasures.
func (l *Lead) Fits(fresh *Lead) bool {
	return l.erasedUntil == fresh.erasedUntil && slices.EqualFunc(l.parts, fresh.parts, func(a, b part) bool {
		return a.id == b.id && a.epoch == b.epoch && a.lead.erasedUntil == b.lead.erasedUntil
	})
}

// IDs are the ids whose events make the lead, its own among them, and until when what was
// received of each is erased (Unix ms, 0 = nothing).
func (l *Lead) IDs(yield func(id schemas.LeadID, erasedUntil int64) bool) {
	if !yield(l.id, l.erasedUntil) {
		return
	}
	for i := range l.parts {
		p := &l.parts[i]
		if p.id != l.id && !yield(p.id, max(l.erasedUntil, p.lead.erasedUntil)) {
			return
		}
	}
}

// Linked tells whether anything was ever said of where the lead's id belongs, or other ids have
// been joined to it: its events need not all stand in its own partition.
func (l *Lead) Linked() bool { return l.home != nil || len(l.parts) > 0 }

// Scored is the version that days of the lead are still worth points under, "" if that is the
// model's own.
func (l *Lead) Scored() string { return l.scored }

// Owe notes that the lead is still worth what a version gave it: its history waits to be scored anew.
func (l *Lead) Owe(version string) {
	l.scored = version
	l.revision++
}

// Keep takes what the lead is worth for its own under the model: there is no history to score anew.
func (l *Lead) Keep() {
	l.scored = ""
	for i := range l.parts {
		l.parts[i].lead.scored = ""
	}
	l.revision++
}

// unite takes over what the part is worth when the lead's history was played whole.
func (p *part) unite(m *Model, fresh *part) {
	l, f := p.lead, fresh.lead
	l.rules, l.foldedThrough = slices.Clone(f.rules), f.foldedThrough
	l.flags, l.lastRule = slices.Clone(f.flags), f.lastRule
	l.clock, l.fitBand, l.scored = max(l.clock, f.clock), 0, ""
	if p.united == 0 {
		p.united, p.former = uint32(m.publication), p.through
	}
	p.through, p.apart = 0, nil
}
