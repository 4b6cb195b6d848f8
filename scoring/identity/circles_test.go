package identity

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// TestCirclesAreOnePerson: people say of users that they are each other, in circles of two to four with others
// leading into them, while visitors claim and workers are killed. Every person is one lead, the one with the first
// key of the circle, with the very state that the oracle says.
func TestCirclesAreOnePerson(t *testing.T) {
	m := model.Default()
	crashes, joins := 0, 0
	seeds := rounds(200)
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 81))
		w := invent(rng, false)
		size := 2 + rng.IntN(3)
		for i := range 4 { // of the four users the first few in a circle, the others into it
			to := rng.IntN(size)
			if i < size {
				to = (i + 1) % size
			}
			w.verdicts = append(w.verdicts, said{fmt.Sprintf("demo/u%d", i), model.Verdict{Key: fmt.Sprintf("demo/u%d", to), Joined: true, At: begin + int64(i), Hash: 1}})
		}
		net := newNetwork(t, m, rng, 1+rng.IntN(8))
		w.play(net)
		crashes += net.crashes
		joins += w.require(t, net, fmt.Sprintf("seed %d, circle of %d", seed, size))
	}
	if n := int(seeds); crashes < 2*n || joins < 2*n {
		t.Fatalf("too little happened: %d crashes, %d ids joined", crashes, joins)
	}
}

func TestTheOracleEndsOnACircle(t *testing.T) {
	edges := map[string]string{"a": "b", "c": "d", "d": "e", "e": "c", "x": "e", "y": "x", "s": "s"}
	for key, want := range map[string]string{"a": "b", "b": "b", "c": "c", "d": "c", "e": "c", "x": "c", "y": "c", "s": "s"} {
		if got := endOf(key, func(k string) string { return edges[k] }); got != want {
			t.Errorf("%s ends in %s, want %s", key, got, want)
		}
	}
}

// TestMergesInACircleLoseNothing: people join three leads to each other at the same
// moment; every event is in exactly one lead, and the line does not stop.
func TestMergesInACircleLoseNothing(t *testing.T) {
	m := model.Default()
	for seed := range rounds(200) {
		rng := rand.New(rand.NewPCG(seed, 78))
		w := world{}
		for i := range 60 {
			w.events = append(w.events, &pb.Event{EventId: fmt.Sprintf("e%d", i), Site: "demo", Type: "form", Name: "x",
				UserId: fmt.Sprintf("u%d", rng.IntN(3)), ReceivedAt: begin + int64(i), EventTime: begin + int64(i)})
		}
		for i := range 3 {
			w.verdicts = append(w.verdicts, said{fmt.Sprintf("demo/u%d", i), model.Verdict{Key: fmt.Sprintf("demo/u%d", (i+1)%3), Joined: true, At: begin + int64(i), Hash: 1}})
		}
		net := newNetwork(t, m, rng, 3)
		w.play(net)
		w.require(t, net, fmt.Sprintf("seed %d", seed))
		held := map[schemas.LeadID]int{}
		for _, p := range net.parts {
			for id, l := range p.leads {
				if l.Away() == "" {
					held[id]++
				}
				for i := range 3 {
					if o := schemas.NewLeadID(fmt.Sprintf("demo/u%d", i)); o != id && l.Holds(o) {
						held[o]++
					}
				}
			}
		}
		for i := range 3 {
			if id := schemas.NewLeadID(fmt.Sprintf("demo/u%d", i)); held[id] != 1 {
				t.Fatalf("seed %d: u%d stands in %d places", seed, i, held[id])
			}
		}
	}
}
