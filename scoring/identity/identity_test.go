package identity

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

const begin = int64(1_767_603_600_000)

// world is what happened: events of some devices and users, and what people said.
type world struct {
	events   []*pb.Event
	verdicts []said
}

type said struct {
	of string // key
	v  model.Verdict
}

// invent makes a world within two days, so that no day closes.
func invent(rng *rand.Rand, verdicts bool) world {
	var w world
	paths := []string{"/", "/pricing", "/docs/x", "/demo", "/blog/1"}
	types := []string{"page", "page", "dwell", "form", "track", "scroll", "identify", "alias"}
	for i := range 40 + rng.IntN(60) {
		at := begin + rng.Int64N(48*3600_000)
		ev := &pb.Event{
			EventId: fmt.Sprintf("e%d", i), Site: "demo", Type: types[rng.IntN(len(types))], Name: "Demo Requested",
			ReceivedAt: at, EventTime: at - rng.Int64N(24*3600_000), Path: paths[rng.IntN(len(paths))], Host: "h",
			SessionId: fmt.Sprintf("s%d", rng.IntN(6)), ViewId: fmt.Sprintf("v%d", rng.IntN(20)),
			EngagedMs: uint32(rng.IntN(200_000)), ScrollPct: uint32(rng.IntN(101)), Bot: rng.IntN(25) == 0,
		}
		if rng.IntN(5) > 0 {
			ev.AnonymousId = fmt.Sprintf("dev%d", rng.IntN(6))
		}
		if rng.IntN(4) == 0 || ev.AnonymousId == "" {
			ev.UserId = fmt.Sprintf("u%d", rng.IntN(4))
		}
		if ev.Type == "identify" {
			ev.Traits = fmt.Appendf(nil, `{"k%d":%d}`, rng.IntN(4), i)
		}
		if ev.Type == "alias" {
			ev.AnonymousId, ev.UserId = "", fmt.Sprintf("u%d", rng.IntN(4))
			ev.PreviousId = []string{fmt.Sprintf("dev%d", rng.IntN(6)), fmt.Sprintf("old%d", rng.IntN(3)), fmt.Sprintf("u%d", rng.IntN(4))}[rng.IntN(3)]
		}
		w.events = append(w.events, ev)
	}
	for i := range 8 {
		if !verdicts {
			break
		}
		from := 1 + rng.IntN(3)
		v := said{fmt.Sprintf("demo/u%d", from), model.Verdict{Key: fmt.Sprintf("demo/u%d", rng.IntN(from)), Joined: rng.IntN(2) == 0, At: begin + int64(i), Hash: 1}}
		if rng.IntN(3) == 0 {
			v.of, v.v.Key, v.v.Joined = fmt.Sprintf("demo/dev%d", rng.IntN(6)), fmt.Sprintf("demo/u%d", rng.IntN(4)), rng.IntN(3) == 0
		}
		w.verdicts = append(w.verdicts, v)
	}
	return w
}

// play sends the world through a network in any order, with repeats.
func (w world) play(net *network) {
	events := append([]*pb.Event{}, w.events...)
	for range net.rng.IntN(30) {
		events = append(events, w.events[net.rng.IntN(len(w.events))])
	}
	net.rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	verdicts := slices.Clone(w.verdicts)
	net.rng.Shuffle(len(verdicts), func(i, j int) { verdicts[i], verdicts[j] = verdicts[j], verdicts[i] })
	for i, ev := range events {
		net.collect(ev)
		for len(verdicts) > 0 && net.rng.IntN(10) == 0 {
			s := verdicts[0]
			verdicts = verdicts[1:]
			net.say(s.of, &pb.Routed{What: &pb.Routed_Verdict{Verdict: &pb.Verdict{Key: s.v.Key, Joined: s.v.Joined, At: s.v.At, Hash: s.v.Hash}}})
		}
		if net.rng.IntN(4) == 0 && i < len(events)-1 {
			net.transaction(net.parts[net.rng.IntN(len(net.parts))])
		}
	}
	for _, s := range verdicts {
		net.say(s.of, &pb.Routed{What: &pb.Routed_Verdict{Verdict: &pb.Verdict{Key: s.v.Key, Joined: s.v.Joined, At: s.v.At, Hash: s.v.Hash}}})
	}
	net.run()
}

// rounds is how many worlds a test plays: a tenth of them when there is little time (make check, the race detector).
func rounds(n uint64) uint64 {
	if testing.Short() {
		return n / 10
	}
	return n
}

// TestAnyOrderEndsInTheSameBits: any interleaving of events, repeats, claims and
// verdicts over many partitions, with workers killed on the way, ends in the same
// bits as the sequential oracle, in the lead that it says, and the ledger folds to
// every score.
func TestAnyOrderEndsInTheSameBits(t *testing.T) {
	m := model.Default()
	crashes, joins := 0, 0
	seeds := rounds(500)
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 77))
		w := invent(rng, seed%2 == 0)
		net := newNetwork(t, m, rng, 1+rng.IntN(8))
		w.play(net)
		crashes += net.crashes
		joins += w.require(t, net, fmt.Sprintf("seed %d", seed))
	}
	if n := int(seeds); crashes < 2*n || joins < n {
		t.Fatalf("too little happened: %d crashes, %d ids joined", crashes, joins)
	}
}

// TestACrowdIsNotOnePerson: a user id that everybody has does not gather them all.
func TestACrowdIsNotOnePerson(t *testing.T) {
	m := model.Default()
	rng := rand.New(rand.NewPCG(1, 79))
	net := newNetwork(t, m, rng, 4)
	for i := range maxJoined + 50 {
		at := begin + int64(i)
		net.collect(&pb.Event{EventId: fmt.Sprintf("a%d", i), Site: "demo", Type: "page", Path: "/", AnonymousId: fmt.Sprintf("dev%d", i), ReceivedAt: at, EventTime: at})
		net.collect(&pb.Event{EventId: fmt.Sprintf("b%d", i), Site: "demo", Type: "page", Path: "/", AnonymousId: fmt.Sprintf("dev%d", i), UserId: "undefined", ReceivedAt: at, EventTime: at})
	}
	net.run()
	alone := 0
	for _, p := range net.parts {
		for id, l := range p.leads {
			if id == schemas.NewLeadID("demo/undefined") && l.Joined() != maxJoined {
				t.Fatalf("%d ids joined, want %d", l.Joined(), maxJoined)
			}
			if l.Away() == "" && l.Joined() == 0 {
				alone++
			}
		}
	}
	if alone != 50 {
		t.Fatalf("%d visitors stand for themselves, want 50", alone)
	}
}
