package scoring

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

// decodeErase finds the command to forget a lead in a record of routed; nil if it is another one.
func decodeErase(r *kgo.Record) (schemas.LeadID, *pb.Erase) {
	routed := new(pb.Routed)
	if proto.Unmarshal(r.Value, routed) != nil || len(routed.LeadId) != len(schemas.LeadID{}) {
		return schemas.LeadID{}, nil // decode says what is wrong with it
	}
	return schemas.LeadID(routed.LeadId), routed.GetErase()
}

// erase makes the partition forget a lead. The record that says so goes to leads with this transaction: it has no trait and no
// point, only the instant up to which nothing may be folded again, and compaction lets it stand for all that was before.
func (p *partition) erase(m *model.Model, id schemas.LeadID, what *pb.Erase, src *pb.Source) {
	t := p.touch(m, id, what.GetSite())
	if !m.Erase(t.lead, what.GetUntil()) {
		return
	}
	t.changed, t.receivedAt, t.source = true, what.GetUntil(), src
	t.base, t.since = t.lead.Clone(), nil // a panic later on goes back to here, not to what was before
}
