package model

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"leadstream/schemas/pb"
)

// TestAnErasedLeadIsWhatCameAfter: whenever the command comes between the events, in whatever order they come and how often,
// the lead is what the events received later make of a new one.
func TestAnErasedLeadIsWhatCameAfter(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(3, 9))
	for range 200 {
		events := weeks(rng, 40)
		until := events[rng.IntN(len(events))].ReceivedAt
		want := lead()
		m.Erase(want, until)
		var early, later []*pb.Event
		for _, ev := range events {
			if ev.ReceivedAt > until {
				later = append(later, ev)
				m.Apply(want, ev, nil)
			} else {
				early = append(early, ev)
			}
		}
		// Some of the old events are folded, the command comes, the rest is on the way, and repeats.
		got := lead()
		for _, ev := range early[:rng.IntN(len(early)+1)] {
			m.Apply(got, ev, nil)
		}
		seen := got.Revision()
		if !m.Erase(got, until) || got.Revision() <= seen {
			t.Fatalf("erased, but revision %d after %d", got.Revision(), seen)
		}
		for i, ev := range later {
			m.Apply(got, ev, nil)
			if out := m.Apply(got, early[rng.IntN(len(early))], nil); out.Refused != RefusedErased || out.Changed || len(out.Ledger)+len(out.Stages) > 0 {
				t.Fatalf("an erased event did %+v", out)
			}
			if i%7 == 0 {
				got = reborn(t, m, got)
				if m.Erase(got, until) {
					t.Fatal("erased a second time by a repeated command")
				}
			}
		}
		a, b := m.Record(got, 1, nil), m.Record(want, 1, nil)
		a.Revision, b.Revision = 0, 0
		if !proto.Equal(a, b) {
			t.Fatalf("erased until %d, then\n%v\nwant\n%v", until, a, b)
		}
	}
}

// TestNothingIsLeftInTheRecord: the bytes that stay in the changelog hold no word of the person.
func TestNothingIsLeftInTheRecord(t *testing.T) {
	m := Default()
	l := lead()
	for _, ev := range weeks(rand.New(rand.NewPCG(1, 1)), 30) {
		m.Apply(l, ev, nil)
	}
	m.Apply(l, &pb.Event{EventId: "i", Type: "identify", AnonymousId: "anon-ada", UserId: "ada", EventTime: l.clock, ReceivedAt: l.clock, Traits: []byte(`{"email":"ada@example.com"}`)}, nil)
	m.Erase(l, l.clock)
	r := m.Record(l, 1, nil)
	if !l.Blank() || r.State.ErasedUntil == 0 {
		t.Fatal("the mark is missing")
	}
	r.LeadId, r.Site, r.Track, r.ModelVersion, r.Bands, r.Groups = nil, "", "", "", nil, nil
	r.State = &pb.LeadState{ErasedUntil: r.State.ErasedUntil, ModelVersion: r.State.ModelVersion}
	kept := m.Record(l, 1, nil).State
	if !proto.Equal(kept, r.State) {
		t.Fatalf("the state keeps %v", kept)
	}
	if r.AnonymousId+r.UserId+r.Name+r.Email+r.Company+r.LastPath != "" || len(r.Flags)+len(r.Terms) > 0 || string(r.Traits) != "{}" {
		t.Fatalf("the record keeps %v", r)
	}
}
