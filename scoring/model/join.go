package model

import (
	"bytes"
	"cmp"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Join takes over what another id has brought. The same part again, or an older
// one, changes nothing. The stage: see joinStage.
func (m *Model) Join(l *Lead, p *Part, cause string, src *pb.Source) Outcome {
	m.bind(l)
	m.bind(p.part.lead)
	var out Outcome
	if old := l.part(p.id); old != nil && old.epoch >= p.epoch {
		return out
	}
	if l.erasedUntil != 0 && p.part.lead.clock <= l.erasedUntil {
		m.Erase(p.part.lead, l.erasedUntil) // it was on its way when its person was erased
	}
	if l.stage != "" {
		m.fall(l, max(l.clock, p.lead.clock), src, &out)
	}
	if len(l.parts) == 0 {
		l.parts = []part{{id: l.id, lead: l.alone()}}
	}
	joined := p.part.clone()
	joined.through = max(closedBy(p.at), p.lead.foldedThrough, l.foldedThrough)
	joined.setApart(m)
	l.parts = slices.DeleteFunc(l.parts, func(o part) bool { return o.id == p.id })
	i, _ := slices.BinarySearchFunc(l.parts, p.id, func(o part, id schemas.LeadID) int { return bytes.Compare(o.id[:], id[:]) })
	l.parts = slices.Insert(l.parts, i, joined)
	l.unite(m, &l.parts[i])
	l.scored = cmp.Or(l.scored, joined.lead.scored)
	out.Changed = true
	l.revision++
	m.joinStage(l, p.part.lead, cause, src, &out)
	return out
}

// alone is the lead's own part: the same state, without what is joined to it.
func (l *Lead) alone() *Lead {
	c := l.Clone()
	c.home, c.parts = nil, nil
	return c
}

// Leave cuts off every part that came by way of the home named, and gives them
// back. What stays is united anew; if that is the lead's own part alone, the lead is
// as if nothing had ever been joined.
func (m *Model) Leave(l *Lead, home string) (left []*Part) {
	m.bind(l)
	var stay []part
	for _, p := range l.parts {
		if slices.Contains(p.via, home) {
			out := p.clone()
			out.via = nil // it goes home, and sets out again
			left = append(left, &Part{out})
			continue
		}
		stay = append(stay, p)
	}
	if len(left) == 0 {
		return nil
	}
	l.revision++
	l.separate(m, stay)
	return left
}

// separate makes the lead anew out of the parts that stay.
func (l *Lead) separate(m *Model, stay []part) {
	fresh := &Lead{
		id: l.id, site: l.site, model: l.model, revision: l.revision, home: l.home,
		stage: l.stage, subStage: l.subStage, stageSince: l.stageSince, entryNo: l.entryNo,
		cooldownUntil: l.cooldownUntil, crm: l.crm, clock: l.clock, erasedUntil: l.erasedUntil,
	}
	if len(stay) == 1 {
		own := stay[0].lead
		fresh.foldedThrough = own.foldedThrough
		fresh.rules, fresh.scored = own.rules, own.scored
		stay[0].lead = &Lead{}
		*stay[0].lead = *own
		stay[0].lead.rules = nil // taken over as they are, folded days and all
		fresh.unite(m, &stay[0])
		*l = *fresh
		return
	}
	fresh.parts = stay
	for i := range fresh.parts {
		p := &fresh.parts[i]
		p.through, p.united, p.former = max(p.through, p.lead.foldedThrough), 0, 0
		fresh.scored = cmp.Or(fresh.scored, p.lead.scored)
		p.setApart(m)
		fresh.unite(m, p)
	}
	*l = *fresh
}

// joinStage is the path of two leads that were one person all along. The newer
// word of sales stands, as between two CRM events. Else the further of the two
// stages does, with the time it was entered. If that moves this lead, one row says
// so; climbing further by the joined score is left to the next event.
func (m *Model) joinStage(l, c *Lead, cause string, src *pb.Source, out *Outcome) {
	if c.stage == "" {
		return
	}
	i, j := m.stageIndex(l.stage), m.stageIndex(c.stage)
	switch {
	case c.crm.after(l.crm):
		l.crm = c.crm
	case l.crm != (stamp{}) || i >= j:
		return
	}
	if l.stage == c.stage {
		return
	}
	row := m.stageRow(l, src)
	row.Direction, row.Cause, row.CauseEventId = move, schemas.CauseIdentity, cause
	row.Why = c.id.String()
	row.Score = m.Score(l, l.clock)
	m.moveTo(l, j, l.clock, row)
	row.SubStage = c.subStage
	l.subStage, l.stageSince = c.subStage, c.stageSince
	l.cooldownUntil = max(l.cooldownUntil, c.cooldownUntil)
	out.Stages = append(out.Stages, row)
}

// Hand takes all parts out of a lead, its own first, each marked as handed on by
// the lead's home, and leaves the lead empty: only its ids, its home and its
// revision stay. at is when the reason was received.
func (m *Model) Hand(l *Lead, key string, at int64) (parts []*Part) {
	m.bind(l)
	if len(l.parts) == 0 {
		l.parts = []part{{id: l.id, lead: l.alone()}}
	}
	userID, anonymousID := l.userID, l.anonymousID
	for _, p := range l.parts {
		out := p.clone()
		out.via = append(out.via, key)
		if p.id == l.id {
			userID, anonymousID = p.lead.userID, p.lead.anonymousID // the id's own: what stays must say which id it was
			out.key, out.known, out.at, out.epoch = key, l.home != nil && l.home.Known, at, l.home.Epoch
			out.lead.carry(l)
		}
		parts = append(parts, &Part{out})
	}
	// Who takes only some of them takes the nearest.
	slices.SortStableFunc(parts, func(a, b *Part) int { return len(a.via) - len(b.via) })
	*l = Lead{id: l.id, site: l.site, revision: l.revision + 1, home: l.home, erasedUntil: l.erasedUntil, clock: l.clock, userID: userID, anonymousID: anonymousID}
	return parts
}

// carry takes over the lead's path, which is not its parts'.
func (c *Lead) carry(l *Lead) {
	c.stage, c.subStage, c.stageSince, c.entryNo = l.stage, l.subStage, l.stageSince, l.entryNo
	c.cooldownUntil, c.crm = l.cooldownUntil, l.crm
}

// Return takes the lead's own part back.
func (m *Model) Return(l *Lead, p *Part) {
	own := p.part.clone()
	m.bind(own.lead)
	own.lead.carry(p.part.lead)
	own.lead.home, own.lead.revision = l.home, l.revision+1
	own.lead.clock = max(own.lead.clock, l.clock)
	*l = *own.lead
}
