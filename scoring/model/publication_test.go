package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// A lead, and an id that is joined to one, that began under a published model has a ledger that folds to its score:
// nothing of it was ever scored under another model, and nothing has to go over.
func TestALeadBornUnderAPublicationHasItsLedger(t *testing.T) {
	m, err := LoadPublished(DefaultText(), "default.yml", 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(41, 42))
	for world := range 50 {
		events := weeks(rng, 60)
		devices(rng, events)
		l := NewLead(schemas.NewLeadID("demo/u"), "demo")
		for _, device := range []string{"demo/dev1", "demo/dev2"} { // joined before they did anything
			m.Join(l, handed(m, NewLead(schemas.NewLeadID(device), "demo"), device, events[0].ReceivedAt), "edge", nil)
		}
		var rows []*pb.LedgerRow
		for _, ev := range events {
			rows = append(rows, m.Apply(l, ev, nil).Ledger...)
		}
		if a, b := FoldJoined(rows, l.clock, l.Apart()), m.Score(l, l.clock); b == 0 || math.Float64bits(a) != math.Float64bits(b) {
			t.Fatalf("world %d: the ledger folds to %v, the score is %v", world, a, b)
		}
	}
}
