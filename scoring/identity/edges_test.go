package identity

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// society is some users and devices, and people who say of them who is who, and change their minds.
type society struct {
	world
	rng   *rand.Rand
	users int
}

// talk lets some events happen within the days that are open; devices say now and then whose they are.
func (s *society) talk(n int) {
	types := []string{"page", "page", "dwell", "form", "track"}
	for range n {
		at := begin + s.rng.Int64N(48*3600_000)
		ev := &pb.Event{
			EventId: fmt.Sprintf("e%d", len(s.events)), Site: "demo", Type: types[s.rng.IntN(len(types))], Name: "Demo Requested",
			ReceivedAt: at, EventTime: at - s.rng.Int64N(24*3600_000), Path: []string{"/", "/pricing", "/docs/x"}[s.rng.IntN(3)], Host: "h",
			SessionId: fmt.Sprintf("s%d", s.rng.IntN(6)), ViewId: fmt.Sprintf("v%d", s.rng.IntN(9)), EngagedMs: uint32(s.rng.IntN(200_000)),
		}
		if s.rng.IntN(2) == 0 {
			ev.AnonymousId = fmt.Sprintf("dev%d", s.rng.IntN(4))
		}
		if s.rng.IntN(3) == 0 || ev.AnonymousId == "" {
			ev.UserId = fmt.Sprintf("u%d", s.rng.IntN(s.users))
		}
		s.events = append(s.events, ev)
	}
}

// word is the newest so far: of two ids, that they are one person, or not.
func (s *society) word(of, key string, yes bool) {
	if of != key {
		s.verdicts = append(s.verdicts, said{"demo/" + of, model.Verdict{Key: "demo/" + key, Joined: yes, At: begin + int64(len(s.verdicts)), Hash: 1}})
	}
}

// circle lets some users, in any order of their keys, be each other.
func (s *society) circle(size int) {
	order := s.rng.Perm(s.users)[:size]
	for i, u := range order {
		s.word(fmt.Sprintf("u%d", u), fmt.Sprintf("u%d", order[(i+1)%size]), true)
	}
}

// anyone is a user, or now and then a device.
func (s *society) anyone() string {
	if s.rng.IntN(8) == 0 {
		return fmt.Sprintf("dev%d", s.rng.IntN(4))
	}
	return fmt.Sprintf("u%d", s.rng.IntN(s.users))
}

// doubt lets somebody take back a word that counts, or join an id to another one.
func (s *society) doubt() {
	if yes, _ := s.decided(); len(yes) > 0 && s.rng.IntN(2) == 0 {
		i := s.rng.IntN(len(s.verdicts))
		for yes[s.verdicts[i].of] != s.verdicts[i].v.Key {
			i = (i + 1) % len(s.verdicts)
		}
		_, of := schemas.SplitKey(s.verdicts[i].of)
		_, key := schemas.SplitKey(s.verdicts[i].v.Key)
		s.word(of, key, false)
		return
	}
	s.word(s.anyone(), s.anyone(), s.rng.IntN(4) > 0)
}

// TestEdgesInAnyOrder: users are joined in any way and taken apart again, in circles or not, while devices claim, words
// are repeated and workers killed. Whatever the order, everything ends as the oracle says, and does so again after
// everything has come to rest and people have gone on.
func TestEdgesInAnyOrder(t *testing.T) {
	seeds := rounds(1300)
	m := model.Default()
	crashes, joins, circles, hops := 0, 0, 0, uint32(0)
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 82))
		s := society{rng: rng, users: 2 + rng.IntN(7)}
		size := min(2+rng.IntN(9), s.users)
		if rng.IntN(10) == 0 {
			s.users, size = 10, 7+rng.IntN(4)
		}
		net := newNetwork(t, m, rng, 1+rng.IntN(8))
		for turn := range 1 + rng.IntN(3) {
			played := world{s.events, s.verdicts}
			s.talk(8 + rng.IntN(12))
			if turn == 0 && rng.IntN(3) > 0 {
				s.circle(size)
			}
			for range rng.IntN(6) {
				s.doubt()
			}
			s.since(played).play(net)
			crashes += net.crashes
			joins += s.require(t, net, fmt.Sprintf("seed %d, turn %d", seed, turn))
			circles += s.circles()
			hops = max(hops, net.hops)
		}
	}
	t.Logf("%d crashes, %d ids joined, %d of them on circles, %d hops at most", crashes, joins, circles, hops)
	if n := int(seeds); crashes < 15*n || joins < 5*n || circles < n || hops > maxHops/2 {
		t.Fatal("too little happened, or records went far")
	}
}

// TestALongCircleAndALongWay: forty users are each other in one circle, or one after the other.
func TestALongCircleAndALongWay(t *testing.T) {
	m := model.Default()
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 83))
		s := society{rng: rng, users: 40}
		s.talk(120)
		s.circle(40)
		if seed%2 == 0 {
			s.verdicts = s.verdicts[1:]
		}
		net := newNetwork(t, m, rng, 1+rng.IntN(8))
		s.play(net)
		if joins := s.require(t, net, fmt.Sprintf("seed %d", seed)); joins < 30 {
			t.Fatalf("seed %d: %d ids joined", seed, joins)
		}
	}
}

// since is what came after another moment, and some of what was said before once more.
func (s *society) since(before world) world {
	w := world{s.events[len(before.events):], s.verdicts[len(before.verdicts):]}
	for _, old := range before.verdicts {
		if s.rng.IntN(4) == 0 {
			w.verdicts = append(w.verdicts[:len(w.verdicts):len(w.verdicts)], old)
		}
	}
	return w
}

// circles is how many ids are on circles.
func (s *society) circles() (n int) {
	next := s.edges()
	for key := range s.keys() {
		for at, steps := next(key), 0; at != "" && steps < 20; at, steps = next(at), steps+1 {
			if at == key {
				n++
				break
			}
		}
	}
	return n
}
