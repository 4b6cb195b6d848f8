package scoring

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/twmb/franz-go/pkg/kgo"
)

// touch is a lead that the open transaction works on. What stood before is in
// leads, until the transaction stands; undoing is forgetting.
type touch struct {
	lead *model.Lead
	// What leads has of it: nothing, or the state with this timer.
	known   bool
	due     int64
	changed bool
	falls   int64 // the timer to be set: with the record, or never when it was fired in vain
	fired   bool
	// What the lead's record will say: the last event that changed it.
	receivedAt int64
	source     *pb.Source
	// since rebuilds the lead when the model panics half-way through an event: base,
	// or what stood before, then since again.
	base  *model.Lead
	since []*kgo.Record
}

// touch finds or makes the lead.
func (p *partition) touch(m *model.Model, id schemas.LeadID, site string) *touch {
	t := p.touched[id]
	if t == nil {
		t = p.spareTouch()
		if t.due, t.known = p.leads.load(m, id, t.lead); !t.known {
			t.lead.Reset(id, site)
		}
		p.touched[id] = t
	}
	return t
}

// spareTouch gives the memory of leads that are packed again to those that are not.
func (p *partition) spareTouch() *touch {
	if n := len(p.spare); n > 0 {
		t := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return t
	}
	return &touch{lead: new(model.Lead)}
}

// maxSpare bounds what a burst leaves behind, some KB each.
const maxSpare = 4096

// letGo forgets the leads of a transaction that has ended. Their texts are parts of
// whole fetches, which must not stay for their sake.
func (p *partition) letGo() {
	for _, t := range p.touched {
		if len(p.spare) < maxSpare {
			t.lead.Reset(schemas.LeadID{}, "")
			clear(t.since)
			*t = touch{lead: t.lead, since: t.since[:0]}
			p.spare = append(p.spare, t)
		}
	}
	clear(p.touched)
}
