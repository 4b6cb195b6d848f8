package scoring

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/identity"
	"leadstream/scoring/model"
)

// erase makes the partition forget a lead. The record that says so goes to leads with this transaction: it has no trait and no
// point, only the instant up to which nothing may be folded again, and compaction lets it stand for all that was before.
func (p *partition) erase(m *model.Model, id schemas.LeadID, key string, what *pb.Erase, src *pb.Source) {
	t := p.touch(m, id, what.GetSite())
	if schemas.NewLeadID(key) != id {
		key = "" // who erases may not know it
	}
	p.sends = append(p.sends[:0], identity.Erase(t.lead, key, what, src)...)
	if !m.Erase(t.lead, what.GetUntil()) {
		return
	}
	t.changed, t.receivedAt, t.source = true, what.GetUntil(), src
	t.base, t.since = t.lead.Clone(), nil // a panic later on goes back to here, not to what was before
}
