package model

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// weeks is a lead's life over some weeks, in the order of arrival: every kind of
// event, late and early clocks, bots, and events too late to count.
func weeks(rng *rand.Rand, n int) []*pb.Event {
	paths := []string{"/", "/product/a", "/product/b", "/pricing", "/docs/x", "/docs/y", "/blog/1", "/blog/2", "/careers", "/contact", "/support"}
	types := []string{"page", "page", "page", "dwell", "dwell", "scroll", "click", "form", "track", "identify", "group", "social", "market", "screen"}
	names := []string{"", "Download", "newsletter", "Demo Requested", "webinar", "unsubscribe", "outbound", "comment", "rival"}
	at := int64(1767603600000)
	events := make([]*pb.Event, n)
	for i := range events {
		at += rng.Int64N(4 * msHour)
		ev := &pb.Event{
			EventId: fmt.Sprintf("e%d", i), Site: "demo", Type: types[rng.IntN(len(types))],
			Name: names[rng.IntN(len(names))], AnonymousId: fmt.Sprintf("a%d", rng.IntN(3)),
			ReceivedAt: at, EventTime: at - rng.Int64N(2000), SessionId: fmt.Sprintf("s%d", rng.IntN(40)),
			ViewId: fmt.Sprintf("v%d", rng.IntN(n/2)), Path: paths[rng.IntN(len(paths))],
			EngagedMs: uint32(rng.IntN(400_000)), ScrollPct: uint32(rng.IntN(101)),
			Country: []string{"", "DE", "CN"}[rng.IntN(3)],
		}
		switch rng.IntN(12) {
		case 0:
			ev.EventTime -= rng.Int64N(lateness - 2000) // late, but in time
		case 1:
			ev.EventTime += rng.Int64N(msDay) // a clock ahead
		case 2:
			ev.EventTime -= lateness + rng.Int64N(30*msDay) // too late
		case 3:
			ev.Bot = true
		}
		if ev.Type == "identify" || ev.Type == "group" {
			ev.Traits = fmt.Appendf(nil, `{"name":"n%d","k%d":%d}`, rng.IntN(9), rng.IntN(100), i)
			ev.UserId = fmt.Sprintf("u%d", rng.IntN(2))
		}
		events[i] = ev
	}
	return events
}

// sumState is all of a lead's state that is a function of the set of its events.
// The stage is not: it has a history, which says what was known when.
func sumState(t testing.TB, m *Model, l *Lead) []byte {
	t.Helper()
	r := m.Record(l, 0, nil)
	r.Revision, r.Stage, r.SubStage, r.StageSince, r.EntryNo = 0, "", "", 0, 0
	r.StageOrder, r.FallsAt, r.FallsTo, r.State.CooldownUntil = 0, 0, "", 0
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// foldBound is the largest watermark that closes no day an event of rest still
// counts in: what a partition's watermark promises.
func foldBound(rest []*pb.Event) int64 {
	bound := int64(math.MaxInt64)
	for _, ev := range rest {
		bound = min(bound, endOf(dayOf(happened(ev)))+lateness+slack)
	}
	return bound
}

// rounds is how often a test tries: a tenth of it when there is little time (make check, the race detector).
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// TestAnEventCountsOnce is promise 2: order, repeats, folding and restarts change
// no bit; and promise 5: the ledger is the score.
func TestAnEventCountsOnce(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(1, 2))
	for world := range 5 {
		events := weeks(rng, 150)
		last := events[len(events)-1].ReceivedAt
		end := last + 40*msDay
		var want []byte
		var wantScores [3]float64
		for shuffle := range rounds(100) {
			order := append([]*pb.Event{}, events...)
			for range rng.IntN(60) {
				order = append(order, events[rng.IntN(len(events))])
			}
			if shuffle > 0 {
				rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			}
			l, rows := play(t, m, rng, order)
			var scores [3]float64
			for i, at := range []int64{l.clock, last + 9*msDay, end} {
				scores[i] = m.Score(l, at)
				if folded := FoldLedger(rows, at); math.Float64bits(folded) != math.Float64bits(scores[i]) {
					t.Fatalf("world %d shuffle %d: the ledger folds to %v, the score is %v", world, shuffle, folded, scores[i])
				}
			}
			m.Fold(l, end)
			state := sumState(t, m, l)
			if shuffle == 0 {
				want, wantScores = state, scores
				if scores[0] == 0 || len(l.rules) < 10 {
					t.Fatalf("world %d is empty: score %v, %d rules", world, scores[0], len(l.rules))
				}
				continue
			}
			if scores != wantScores {
				t.Fatalf("world %d shuffle %d: scores %v, in order of arrival %v", world, shuffle, scores, wantScores)
			}
			if !bytes.Equal(state, want) {
				t.Fatalf("world %d shuffle %d: the folded state differs", world, shuffle)
			}
		}
	}
}

// play applies events in the given order, and at random moments folds as far as
// the rest allows, and restarts from the record.
func play(t testing.TB, m *Model, rng *rand.Rand, order []*pb.Event) (*Lead, []*pb.LedgerRow) {
	l := NewLead(schemas.NewLeadID("demo/a"), "demo")
	var rows []*pb.LedgerRow
	for i, ev := range order {
		rows = append(rows, m.Apply(l, ev, nil).Ledger...)
		if rng.IntN(20) == 0 {
			if bound := foldBound(order[i+1:]); bound != math.MaxInt64 {
				before := m.Score(l, l.clock)
				m.Fold(l, bound)
				if after := m.Score(l, l.clock); before != after {
					t.Fatalf("folding moved the score from %v to %v", before, after)
				}
			}
		}
		if rng.IntN(25) == 0 {
			l = reborn(t, m, l)
		}
	}
	return l, rows
}

// reborn is the lead after a restart: through its record, in bytes.
func reborn(t testing.TB, m *Model, l *Lead) *Lead {
	t.Helper()
	data, err := proto.Marshal(m.Record(l, 7, &pb.Source{Offset: 9}))
	if err != nil {
		t.Fatal(err)
	}
	var r pb.LeadRecord
	if err := proto.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	out, err := m.Restore(&r)
	if err != nil {
		t.Fatal(err)
	}
	if again := m.Record(out, 7, &pb.Source{Offset: 9}); !proto.Equal(again, &r) {
		t.Fatalf("the record of a restored lead differs:\n%v\n%v", again, &r)
	}
	return out
}

// TestTermsAreTheScore holds what SQL computes from a record to the score.
func TestTermsAreTheScore(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		events := weeks(rng, 150)
		l, _ := play(t, m, rng, events)
		m.Fold(l, l.clock)
		r := m.Record(l, l.clock, nil)
		for range 20 {
			at := l.clock + rng.Int64N(400*msDay)
			sums := map[string]float64{}
			for _, term := range r.Terms {
				v := term.Value
				if term.HalfLife > 0 {
					v *= math.Exp2(-max(0, float64(at-term.Anchor)) / float64(msDay) / term.HalfLife)
				}
				sums[term.Group] += v
			}
			total := 0.0
			for _, g := range r.Groups {
				total += clamp(sums[g.Name], g.Floor, g.Cap)
			}
			total = clamp(total, -100, 100)
			if score := m.Score(l, at); math.Abs(total-score) > 1e-9 {
				t.Fatalf("terms say %v, the score is %v", total, score)
			}
		}
	}
}

// TestRepeatsChangeNothing: events applied again count nothing and leave the state as it was.
func TestRepeatsChangeNothing(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		events := weeks(rng, 120)
		l, _ := play(t, m, rng, events)
		before := sumState(t, m, l)
		for _, ev := range events {
			for _, row := range m.Apply(l, ev, nil).Ledger {
				if row.Counted {
					t.Fatalf("%s counted again: %v", ev.EventId, row)
				}
			}
		}
		if !bytes.Equal(before, sumState(t, m, l)) {
			t.Fatal("repeats changed the lead")
		}
	}
}

// TestCloneSharesNothing applies events to a clone and finds the original as it was.
func TestCloneSharesNothing(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(7, 8))
	events := weeks(rng, 200)
	l := NewLead(schemas.NewLeadID("demo/a"), "demo")
	for _, ev := range events[:100] {
		m.Apply(l, ev, nil)
	}
	before := m.Record(l, 0, nil)
	c := l.Clone()
	for _, ev := range events[100:] {
		m.Apply(c, ev, nil)
	}
	m.Fold(c, latest)
	if !proto.Equal(before, m.Record(l, 0, nil)) {
		t.Fatal("the original changed with its clone")
	}
}
