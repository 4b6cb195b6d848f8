package identity

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// script is a network in which a test says who takes its next record.
type script struct {
	*network
	world
}

// newScript has one event of each of some users, all at home, each in a partition of its own.
func newScript(t *testing.T, users ...string) *script {
	s := &script{}
	for n := len(users); ; n++ {
		s.network = newNetwork(t, model.Default(), rand.New(rand.NewPCG(1, 84)), n)
		homes := map[*node]bool{}
		for _, user := range users {
			homes[s.home("demo/"+user)] = true
		}
		if len(homes) == len(users) {
			break
		}
	}
	for i, user := range users {
		ev := &pb.Event{EventId: fmt.Sprintf("e%d", i), Site: "demo", Type: "form", Name: "x", UserId: user, ReceivedAt: begin + int64(i), EventTime: begin + int64(i)}
		s.world.events = append(s.world.events, ev)
		s.collect(ev)
	}
	s.run()
	return s
}

// word is told to an id's home, behind what waits there.
func (s *script) word(of, key string, yes bool) {
	v := model.Verdict{Key: "demo/" + key, Joined: yes, At: begin + int64(len(s.verdicts)), Hash: 1}
	s.verdicts = append(s.verdicts, said{"demo/" + of, v})
	s.say("demo/"+of, &pb.Routed{What: &pb.Routed_Verdict{Verdict: &pb.Verdict{Key: v.Key, Joined: v.Joined, At: v.At, Hash: v.Hash}}})
}

// take lets homes take one record each, in this order.
func (s *script) take(users ...string) {
	for _, user := range users {
		var sends []Send
		if !s.step(s.home("demo/"+user), map[schemas.LeadID]*model.Lead{}, &sends, &s.ledger) {
			s.t.Fatalf("nothing waits for %s", user)
		}
		for _, send := range sends {
			s.post(send)
		}
	}
}

// TestWhatWentOnIsFollowedWhenAHomeStays: p and z go on by way of a to b, while a's own part comes round to it; a stays, as
// the first of a circle that has just been opened by b. z asks its part back: that ends with a, which does not have it. What
// a sends after all that it let pass brings it home.
func TestWhatWentOnIsFollowedWhenAHomeStays(t *testing.T) {
	s := newScript(t, "a", "b", "z", "p")
	s.word("a", "b", true)
	s.word("b", "a", true)
	s.take("a", "b") // both on their way to each other
	s.word("z", "a", true)
	s.word("p", "z", true)
	s.take("z", "p", "z", "b") // behind b's part wait z's and p's for a, then its own
	s.word("z", "a", false)
	s.take("z")
	s.word("b", "a", false)
	s.take("b")
	s.take("a", "a", "a", "b", "b", "b") // b stands for itself, with z and p
	s.take("a")
	if l := s.home("demo/a").leads[schemas.NewLeadID("demo/a")]; !slices.Equal(l.Home().Circle, []string{"demo/b"}) {
		t.Fatalf("a is not the first of a circle, but %+v", l.Home())
	}
	s.take("a") // what z asks
	s.run()
	s.require(t, s.network, "in the end")
}

// TestAWayWithoutAnEndIsLeft: a part that was sent on too often goes home, stands for itself, and says so.
func TestAWayWithoutAnEndIsLeft(t *testing.T) {
	s := newScript(t, "a", "b", "c")
	s.word("b", "c", true)
	s.take("b", "c")
	s.word("a", "b", true)
	s.take("a")
	p := s.home("demo/b")
	r := new(pb.Routed)
	if err := proto.Unmarshal(p.routed[p.read[1]], r); err != nil || r.GetGive() == nil {
		t.Fatalf("%v is no part on its way: %v", r, err)
	}
	r.Hops = maxHops
	p.routed = p.routed[:p.read[1]]
	p.keys = p.keys[:p.read[1]]
	s.say("demo/b", r)
	s.run()
	l := s.home("demo/a").leads[schemas.NewLeadID("demo/a")]
	words := l.Home().Verdicts
	if l.Away() != "" || l.Blank() || len(words) != 1 || words[0].Joined || words[0].By != "leadstream" {
		t.Fatalf("a is with %q, people said %+v", l.Away(), words)
	}
	s.world.verdicts = append(s.world.verdicts, said{"demo/a", model.Verdict{Key: "demo/b", At: begin + 100}})
	s.require(t, s.network, "in the end")
}
