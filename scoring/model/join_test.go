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

// devices deals a life's events to a user and two devices, in the order of arrival.
func devices(rng *rand.Rand, events []*pb.Event) {
	for i, ev := range events {
		ev.AnonymousId, ev.UserId = fmt.Sprintf("dev%d", 1+i%2), ""
		if rng.IntN(3) == 0 {
			ev.UserId = "u"
		}
	}
}

func originOf(ev *pb.Event) schemas.LeadID {
	return schemas.NewLeadID(schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId))
}

// handed is a device's lead, on its way to the user's.
func handed(m *Model, l *Lead, key string, at int64) *Part {
	l = l.Clone()
	l.Home().Epoch++
	return m.Hand(l, key, at)[0]
}

// clean is sumState without what tells a joined lead from a plain one, at one clock.
func clean(t testing.TB, m *Model, l *Lead, at int64) []byte {
	c := l.Clone()
	c.parts, c.home, c.clock = nil, nil, at
	return sumState(t, m, c)
}

// TestTheScoreIsOfTheUnion: events of three ids within the lateness bound, joined
// at any moment, in any order of events and joins, restarted on the way, are bit
// for bit one lead that all events happened to; cut apart again, each id is bit
// for bit the lead that it is alone.
func TestTheScoreIsOfTheUnion(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(21, 22))
	for world := range rounds(500) {
		events := weeks(rng, 30) // 30 events, 2 h apart: within the days that stay open
		devices(rng, events)
		begin, end := events[0].ReceivedAt, events[len(events)-1].ReceivedAt
		plain := NewLead(schemas.NewLeadID("demo/u"), "demo")
		alone := map[string]*Lead{}
		for _, key := range []string{"demo/u", "demo/dev1", "demo/dev2"} {
			alone[key] = NewLead(schemas.NewLeadID(key), "demo")
		}
		for _, ev := range events {
			m.Apply(plain, ev, nil)
			m.Apply(alone[schemas.OriginKey("demo", ev.AnonymousId, ev.UserId)], ev, nil)
		}
		rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })

		l, rows := playJoined(t, m, rng, events, begin)
		if want, got := clean(t, m, plain, end), clean(t, m, l, end); !bytes.Equal(want, got) {
			t.Fatalf("world %d: the joined lead differs from the one lead\nwant %v\ngot  %v", world, sums(m, plain, end), sums(m, l, end))
		}
		if a, b := FoldJoined(rows, end, l.Apart()), m.Score(l, end); math.Float64bits(a) != math.Float64bits(b) {
			t.Fatalf("world %d: the ledger folds to %v, the score is %v", world, a, b)
		}
		for _, key := range []string{"demo/dev1", "demo/dev2"} {
			left := m.Leave(l, key)
			if len(left) != 1 {
				t.Fatalf("world %d: %s left %d parts", world, key, len(left))
			}
			back := NewLead(schemas.NewLeadID(key), "demo")
			m.Return(back, left[0])
			if !bytes.Equal(clean(t, m, alone[key], end), clean(t, m, back, end)) {
				t.Fatalf("world %d: %s came back another", world, key)
			}
		}
		if len(l.parts) != 0 || !bytes.Equal(clean(t, m, alone["demo/u"], end), clean(t, m, l, end)) {
			t.Fatalf("world %d: what was left is not the user alone", world)
		}
	}
}

func sums(m *Model, l *Lead, at int64) []float64 { return m.sums(l, at) }

// playJoined applies events, each to where it belongs at that moment; the devices
// are joined at random moments, and everybody restarts now and then.
func playJoined(t testing.TB, m *Model, rng *rand.Rand, events []*pb.Event, at int64) (*Lead, []*pb.LedgerRow) {
	home := map[schemas.LeadID]*Lead{}
	user := NewLead(schemas.NewLeadID("demo/u"), "demo")
	joinAt := map[string]int{"demo/dev1": rng.IntN(len(events)), "demo/dev2": rng.IntN(len(events))}
	var rows []*pb.LedgerRow
	for i, ev := range events {
		for _, key := range []string{"demo/dev1", "demo/dev2"} {
			if joinAt[key] != i {
				continue
			}
			id := schemas.NewLeadID(key)
			if home[id] == nil {
				home[id] = NewLead(id, "demo")
			}
			p := handed(m, home[id], key, at)
			m.Join(user, p, "edge", nil)
			if m.Join(user, p, "edge", nil).Changed {
				t.Fatal("the same part was joined twice")
			}
		}
		id, l := originOf(ev), user
		if id != user.id && !user.Holds(id) {
			if home[id] == nil {
				home[id] = NewLead(id, "demo")
			}
			l = home[id]
		}
		for range 1 + rng.IntN(2) { // a repeat
			rows = append(rows, m.Apply(l, ev, nil).Ledger...)
		}
		if rng.IntN(8) == 0 {
			user = reborn(t, m, user)
		}
	}
	return user, rows
}

// TestClosedDaysStayApart: over months, days close before and after the joins. The
// ledger with the ids' own days folds to the score bit for bit at every step,
// folding moves nothing, terms agree, and what leaves is what it is alone.
func TestClosedDaysStayApart(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(23, 24))
	for world := range rounds(30) {
		events := weeks(rng, 400)
		devices(rng, events)
		user := NewLead(schemas.NewLeadID("demo/u"), "demo")
		home := map[schemas.LeadID]*Lead{}
		alone := map[schemas.LeadID]*Lead{}
		joinAt := map[string]int{"demo/dev1": 50 + rng.IntN(300), "demo/dev2": 50 + rng.IntN(300)}
		var rows []*pb.LedgerRow
		for i, ev := range events {
			id, l := originOf(ev), user
			if alone[id] == nil {
				alone[id], home[id] = NewLead(id, "demo"), NewLead(id, "demo")
			}
			m.Fold(alone[id], ev.ReceivedAt)
			m.Apply(alone[id], ev, nil)
			for key, n := range joinAt {
				if n == i && home[schemas.NewLeadID(key)] != nil {
					m.Fold(user, ev.ReceivedAt)
					m.Join(user, handed(m, home[schemas.NewLeadID(key)], key, ev.ReceivedAt), "edge", nil)
				}
			}
			if id != user.id && !user.Holds(id) {
				l = home[id]
			}
			before := m.Score(l, max(l.clock, ev.ReceivedAt))
			m.Fold(l, ev.ReceivedAt)
			if after := m.Score(l, max(l.clock, ev.ReceivedAt)); before != after {
				t.Fatalf("world %d: folding moved the score from %v to %v", world, before, after)
			}
			rows = append(rows, m.Apply(l, ev, nil).Ledger...)
			if rng.IntN(20) == 0 {
				user = reborn(t, m, user)
			}
			requireLedger(t, m, user, home, rows)
		}
		for _, key := range []string{"demo/dev1", "demo/dev2"} {
			left := m.Leave(user, key)
			if len(left) != 1 {
				t.Fatalf("world %d: %s left %d parts", world, key, len(left))
			}
			back := NewLead(schemas.NewLeadID(key), "demo")
			m.Return(back, left[0])
			home[back.id] = back
			requireSame(t, m, alone[back.id], back)
			requireLedger(t, m, user, home, rows)
		}
		requireSame(t, m, alone[user.id], user)
	}
}

// requireSame compares two leads after everything is folded.
func requireSame(t *testing.T, m *Model, want, got *Lead) {
	t.Helper()
	want, got = want.Clone(), got.Clone()
	end := max(want.clock, got.clock) + 30*msDay
	want.clock, got.clock = end, end // days close by the lead's own clock, too
	m.Fold(want, latest)
	m.Fold(got, latest)
	if !bytes.Equal(clean(t, m, want, end), clean(t, m, got, end)) {
		t.Fatalf("a part is not what it is alone: score %v, want %v", m.Score(got, end), m.Score(want, end))
	}
}

// requireLedger folds the rows of the ids that the lead holds.
func requireLedger(t *testing.T, m *Model, l *Lead, home map[schemas.LeadID]*Lead, rows []*pb.LedgerRow) {
	t.Helper()
	var mine []*pb.LedgerRow
	for _, row := range rows {
		if id := schemas.LeadID(row.LeadId); id == l.id || l.Holds(id) {
			mine = append(mine, row)
		}
	}
	at := l.clock + 3*msDay
	if a, b := FoldJoined(mine, at, l.Apart()), m.Score(l, at); math.Float64bits(a) != math.Float64bits(b) {
		t.Fatalf("the ledger folds to %v, the score is %v", a, b)
	}
}

// TestSalesStageIsOfTheNewerWord: what becomes of two stages when ids are joined.
func TestSalesStageIsOfTheNewerWord(t *testing.T) {
	m := Default()
	at := int64(1767603600000)
	crm := func(user, stage string, at int64) *pb.Event {
		return &pb.Event{EventId: stage + user, Site: "demo", Type: "crm", UserId: user, Trusted: true,
			EventTime: at, ReceivedAt: at, Properties: []byte(`{"stage":"` + stage + `"}`)}
	}
	for _, c := range []struct{ mine, theirs, want string }{
		{"accepted", "won", "won"}, {"won", "", "won"}, {"", "opportunity", "opportunity"}, {"", "", "visitor"},
	} {
		a, b := NewLead(schemas.NewLeadID("demo/a"), "demo"), NewLead(schemas.NewLeadID("demo/b"), "demo")
		for l, stage := range map[*Lead]string{a: c.mine, b: c.theirs} {
			m.Apply(l, &pb.Event{EventId: "p", Site: "demo", Type: "page", UserId: "x", EventTime: at, ReceivedAt: at}, nil)
			if stage != "" {
				m.Apply(l, crm("x", stage, at+int64(len(c.theirs))), nil)
			}
		}
		b.crm.at++
		if c.theirs == "" {
			b.crm = stamp{}
		}
		out := m.Join(a, handed(m, b, "demo/b", at+9), "why", nil)
		if a.stage != c.want {
			t.Errorf("%q and %q gave %q", c.mine, c.theirs, a.stage)
		}
		if rows := len(out.Stages); (c.want != "visitor" && c.theirs != "") != (rows == 1) {
			t.Errorf("%q and %q: %d rows", c.mine, c.theirs, rows)
		}
	}
}

// A part is read as it was written.
func TestPartRecord(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(25, 26))
	l := NewLead(schemas.NewLeadID("demo/d"), "demo")
	for _, ev := range weeks(rng, 100) {
		m.Fold(l, ev.ReceivedAt)
		m.Apply(l, ev, nil)
	}
	p := handed(m, l, "demo/d", l.clock)
	again, err := m.ReadPart(p.Record())
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(p.Record(), again.Record()) {
		t.Fatalf("%v\n%v", p.Record(), again.Record())
	}
}
