package model

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// cheaper is the built-in model with other points and half-lives, as a publication.
func cheaper(t testing.TB, at int64) *Model {
	t.Helper()
	text := strings.NewReplacer("points: 12", "points: 5", "points: 6", "points: 7", "half_life: 14d", "half_life: 9d").Replace(string(DefaultText()))
	m, err := LoadPublished([]byte(text), "cheaper.yml", 1, at)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAJoinedLeadIsScoredAnewAsOne: months of events of three ids, two of them joined at any time, long after days had
// closed; a publication makes the lead, bit for bit, what one lead of all those events is under the new model. The
// ledger folds to it, a restart keeps it, events go on counting, and an id that is split off afterwards is what its own
// events make it.
func TestAJoinedLeadIsScoredAnewAsOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(91, 92))
	moved := 0
	for world := range 30 {
		events := weeks(rng, 400)
		devices(rng, events)
		published := events[300].ReceivedAt
		m, n := Default(), cheaper(t, published)
		user, rows := livedUntil(t, m, rng, events[:300])
		before := sums(m, user, published)

		plain, fresh := NewLead(user.id, "demo"), user.Anew()
		alone := map[schemas.LeadID]*Lead{}
		play := func(l *Lead, ev *pb.Event) []*pb.LedgerRow {
			n.Fold(l, ev.ReceivedAt)
			return n.Apply(l, ev, nil).Ledger
		}
		for _, ev := range events[:300] {
			for _, row := range play(fresh, ev) {
				if row.Reason != ReasonPublished {
					rows = append(rows, row)
				}
			}
			play(plain, ev)
			if alone[originOf(ev)] == nil {
				alone[originOf(ev)] = NewLead(originOf(ev), "demo")
			}
			play(alone[originOf(ev)], ev)
		}
		if !user.Fits(fresh) {
			t.Fatalf("world %d: the empty lead is not of the same ids", world)
		}
		rows = append(rows, n.Rescore(user, fresh, nil).Ledger...)
		requireOne(t, n, world, "published", user, plain, rows)
		if !slices.Equal(sums(n, user, published), before) {
			moved++
		}
		user = reborn(t, n, user)
		for _, ev := range events[300:] {
			rows = append(rows, play(user, ev)...)
			play(plain, ev)
			play(alone[originOf(ev)], ev)
		}
		requireOne(t, n, world, "a month later", user, plain, rows)
		requireApart(t, n, world, user, alone)
	}
	if moved < 10 {
		t.Fatalf("the publication moved %d leads: it shows nothing", moved)
	}
}

// livedUntil is a user whose devices were joined on the way, and the rows of the ledger.
func livedUntil(t testing.TB, m *Model, rng *rand.Rand, events []*pb.Event) (*Lead, []*pb.LedgerRow) {
	t.Helper()
	user := NewLead(schemas.NewLeadID("demo/u"), "demo")
	home := map[schemas.LeadID]*Lead{}
	joinAt := map[string]int{"demo/dev1": 50 + rng.IntN(200), "demo/dev2": 50 + rng.IntN(200)}
	var rows []*pb.LedgerRow
	for i, ev := range events {
		for key, at := range joinAt {
			id := schemas.NewLeadID(key)
			if at != i {
				continue
			}
			if home[id] == nil {
				home[id] = NewLead(id, "demo")
			}
			m.Join(user, handed(m, home[id], key, ev.ReceivedAt), "edge", nil)
		}
		id, l := originOf(ev), user
		if id != user.id && !user.Holds(id) {
			if home[id] == nil {
				home[id] = NewLead(id, "demo")
			}
			l = home[id]
		}
		m.Fold(l, ev.ReceivedAt)
		rows = append(rows, m.Apply(l, ev, nil).Ledger...)
	}
	return user, rows
}

// requireOne wants a joined lead to be what one lead of all its events is, now and later, and its ledger too.
func requireOne(t *testing.T, m *Model, world int, when string, l, plain *Lead, rows []*pb.LedgerRow) {
	t.Helper()
	for _, days := range []int64{0, 3, 40, 90} {
		at := max(m.publishedAt, l.clock, plain.clock) + days*msDay
		if a, b := sums(m, plain, at), sums(m, l, at); !slices.Equal(a, b) {
			t.Fatalf("world %d, %s: in %d days the joined lead has %v, the one lead %v", world, when, days, b, a)
		}
		if a, b := FoldJoined(rows, at, l.Apart()), m.Score(l, at); math.Float64bits(a) != math.Float64bits(b) {
			t.Fatalf("world %d, %s: in %d days the ledger folds to %v, the score is %v", world, when, days, a, b)
		}
	}
	if a, b := fmt.Sprint(l.flags), fmt.Sprint(plain.flags); a != b {
		t.Fatalf("world %d, %s: flags %s, want %s", world, when, a, b)
	}
}

// requireApart cuts the devices off: each is what its own events make it.
func requireApart(t *testing.T, m *Model, world int, l *Lead, alone map[schemas.LeadID]*Lead) {
	t.Helper()
	for _, key := range []string{"demo/dev1", "demo/dev2"} {
		id := schemas.NewLeadID(key)
		left := m.Leave(l, key)
		if len(left) != 1 {
			t.Fatalf("world %d: %s left %d parts", world, key, len(left))
		}
		back := NewLead(id, "demo")
		m.Return(back, left[0])
		at := l.clock + msDay
		m.Fold(back, at)
		m.Fold(alone[id], at)
		if a, b := clean(t, m, alone[id], at), clean(t, m, back, at); !bytes.Equal(a, b) {
			t.Fatalf("world %d: %s came back with %v, its own events give %v", world, key, sums(m, back, at), sums(m, alone[id], at))
		}
	}
}
