package identity

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// TestVisitorsAreOnePersonByAWord: two visitors whom no event joins, such as two devices with one e-mail address, become one
// lead when a person says so, whatever else they claim and in whatever order.
func TestVisitorsAreOnePersonByAWord(t *testing.T) {
	m := model.Default()
	joins := 0
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 80))
		w := invent(rng, false)
		w.events = slices.DeleteFunc(w.events, func(ev *pb.Event) bool { return ev.Type == "alias" })
		for i := range 4 {
			from := 1 + rng.IntN(5)
			w.verdicts = append(w.verdicts, said{fmt.Sprintf("demo/dev%d", from), model.Verdict{Key: fmt.Sprintf("demo/dev%d", rng.IntN(from)), Joined: rng.IntN(3) > 0, At: begin + int64(i), Hash: 1}})
		}
		net := newNetwork(t, m, rng, 1+rng.IntN(8))
		w.play(net)
		joins += w.require(t, net, fmt.Sprintf("seed %d", seed))
	}
	if joins < 60 {
		t.Fatalf("too little happened: %d ids joined", joins)
	}
}
