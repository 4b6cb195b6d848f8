package identity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

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

// decided are the newest verdicts: who each id goes to, and which pairs are kept apart.
func (w world) decided() (map[string]string, map[[2]string]bool) {
	yes, no := map[string]string{}, map[[2]string]bool{}
	newest := map[[2]string]model.Verdict{}
	for _, s := range w.verdicts {
		if pair := [2]string{s.of, s.v.Key}; newest[pair].At < s.v.At {
			newest[pair] = s.v
		}
	}
	last := map[string]int64{}
	for pair, v := range newest {
		if no[pair] = !v.Joined; v.Joined && v.At > last[pair[0]] {
			yes[pair[0]], last[pair[0]] = pair[1], v.At
		}
	}
	return yes, no
}

// oracle folds the world in the order of time, each event into the one lead that
// it belongs to in the end.
func (w world) oracle(m *model.Model) map[string]*model.Lead {
	known, claims := map[string]bool{}, map[string]*pb.Event{}
	claimed := func(of string, ev *pb.Event, no map[[2]string]bool) {
		user := schemas.OriginKey("demo", ev.AnonymousId, ev.UserId)
		if of == user || no[[2]string{of, user}] {
			return
		}
		at, hash := model.Stamp(ev)
		if old := claims[of]; old != nil {
			if a, h := model.Stamp(old); a < at || a == at && h < hash {
				return
			}
		}
		claims[of] = ev
	}
	yes, no := w.decided()
	for _, ev := range w.events {
		if ev.Bot {
			continue
		}
		if ev.UserId != "" {
			known[schemas.OriginKey("demo", "", ev.UserId)] = true
		}
		if ev.UserId != "" && ev.AnonymousId != "" {
			claimed("demo/"+ev.AnonymousId, ev, no)
		}
		if ev.Type == "alias" {
			claimed("demo/"+ev.PreviousId, ev, no)
		}
	}
	next := func(key string) string {
		switch ev := claims[key]; {
		case yes[key] != "":
			return yes[key]
		case !known[key] && ev != nil:
			return schemas.OriginKey("demo", ev.AnonymousId, ev.UserId)
		}
		return ""
	}
	lead := func(key string) string { return endOf(key, next) }
	leads := map[string]*model.Lead{}
	for _, ev := range w.events {
		key := lead(schemas.OriginKey("demo", ev.AnonymousId, ev.UserId))
		if leads[key] == nil {
			leads[key] = model.NewLead(schemas.NewLeadID(key), "demo")
		}
		m.Apply(leads[key], ev, nil)
	}
	return leads
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

// state is what is a function of the set of events, at one instant.
func state(t testing.TB, m *model.Model, l *model.Lead) string {
	r := m.Record(l.Clone(), 0, nil)
	r.Revision, r.Stage, r.SubStage, r.StageSince, r.EntryNo, r.Grade = 0, "", "", 0, 0, ""
	r.StageOrder, r.FallsAt, r.FallsTo, r.State.CooldownUntil = 0, 0, "", 0
	r.State.Home, r.State.Parts, r.Joined, r.Proposals, r.Decisions, r.Own = nil, nil, nil, nil, nil, nil
	r.ScoredAt, r.State.Clock, r.Score = 0, 0, m.Score(l, begin+90*24*3600_000)
	r.Engagement, r.Terms = 0, nil
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAnyOrderEndsInTheSameBits: any interleaving of events, repeats, claims and
// verdicts over many partitions, with workers killed on the way, ends in the same
// bits as the sequential oracle, and the ledger folds to every score.
func TestAnyOrderEndsInTheSameBits(t *testing.T) {
	m := model.Default()
	crashes, joins := 0, 0
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 77))
		w := invent(rng, seed%2 == 0)
		want := w.oracle(m)
		net := newNetwork(t, m, rng, 1+rng.IntN(8))
		w.play(net)
		crashes += net.crashes
		got := map[string]bool{}
		for _, p := range net.parts {
			for id, l := range p.leads {
				if l.Away() != "" || l.Clock() == 0 {
					continue
				}
				joins += l.Joined()
				for key, o := range want {
					if schemas.NewLeadID(key) != id || o.Clock() == 0 {
						continue
					}
					got[key] = true
					if a, b := state(t, m, o), state(t, m, l); a != b {
						t.Fatalf("seed %d: %s is not what the oracle says: score %v, want %v; %d ids joined", seed, key,
							m.Score(l, begin+90*24*3600_000), m.Score(o, begin+90*24*3600_000), l.Joined())
					}
				}
				requireLedger(t, m, l, net.ledger)
			}
		}
		for key, o := range want {
			if o.Clock() != 0 && !got[key] {
				t.Fatalf("seed %d: there is no lead %s", seed, key)
			}
		}
	}
	if crashes < 1000 || joins < 500 {
		t.Fatalf("too little happened: %d crashes, %d ids joined", crashes, joins)
	}
}

func requireLedger(t *testing.T, m *model.Model, l *model.Lead, rows []*pb.LedgerRow) {
	t.Helper()
	var mine []*pb.LedgerRow
	for _, row := range rows {
		if id := schemas.LeadID(row.LeadId); id == l.ID() || l.Holds(id) {
			mine = append(mine, row)
		}
	}
	at := begin + 60*24*3600_000
	if a, b := model.FoldJoined(mine, at, l.Apart()), m.Score(l, at); math.Float64bits(a) != math.Float64bits(b) {
		t.Fatalf("the ledger folds to %v, the score is %v", a, b)
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
