package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

const monday = int64(1767603600000) // 2026-01-05T09:00Z

func mustLoad(t testing.TB, text string) *Model {
	t.Helper()
	m, err := Load([]byte(text), "test.yml")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func page(id, path string, at int64) *pb.Event {
	return &pb.Event{EventId: id, Site: "s", Type: "page", Path: path, AnonymousId: "a", EventTime: at, ReceivedAt: at}
}

func lead() *Lead { return NewLead(schemas.NewLeadID("s/a"), "s") }

// TestFallClosedForm: with one half-life the fall is at end(day) + h*log2(S/down).
func TestFallClosedForm(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: one
rules:
  - {id: pricing, on: page, points: 12, limit: {per_day: 5}, half_life: 7d}
stages:
  - {id: visitor, up: 0}
  - {id: hot, up: 20, down: 10, min_dwell: 0s}
`)
	l := lead()
	for i := range 3 {
		m.Apply(l, page(fmt.Sprint(i), "/pricing", monday), nil)
	}
	at, ok := m.Due(l)
	if !ok || l.stage != "hot" {
		t.Fatalf("stage %s, due %v", l.stage, ok)
	}
	want := float64(endOf(dayOf(monday))) + 7*float64(msDay)*math.Log2(36.0/10)
	if math.Abs(float64(at)-want) > 1 {
		t.Fatalf("falls at %d, closed form %f", at, want)
	}
	if out := m.Fire(l, at-1, nil); len(out.Stages) != 0 {
		t.Fatalf("fell before its time: %v", out.Stages)
	}
	out := m.Fire(l, at+5*msDay, nil) // a timer that fires late
	if len(out.Stages) != 1 || out.Stages[0].At != at || out.Stages[0].Cause != "timer" || out.Stages[0].Direction != "demote" || !out.Changed {
		t.Fatalf("%v", out.Stages)
	}
	if again := m.Fire(l, at+5*msDay, nil); again.Changed {
		t.Fatal("fell twice")
	}
}

// TestFallIsExact: for leads of all kinds, with points taken away that come back,
// the score at the fall is below the floor, and a millisecond before it is not,
// nor at any of many earlier instants.
func TestFallIsExact(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(9, 9))
	falls, looked := 0, 0
	for range 300 {
		l := lead()
		for _, ev := range weeks(rng, 10+rng.IntN(80)) {
			m.Apply(l, ev, nil)
		}
		i := m.stageIndex(l.stage)
		if i == 0 {
			continue
		}
		from, floor := max(l.clock, l.stageSince+m.stages[i].MinDwell), m.stages[i].Down
		at, ok := m.Due(l)
		if !ok {
			t.Fatalf("score %v in %s never falls below %v", m.Score(l, l.clock), l.stage, floor)
		}
		falls++
		if m.Score(l, at) >= floor {
			t.Fatalf("at the fall the score is %v, floor %v", m.Score(l, at), floor)
		}
		if at == from {
			continue
		}
		if m.Score(l, at-1) < floor {
			t.Fatalf("a millisecond earlier the score is %v already, floor %v", m.Score(l, at-1), floor)
		}
		for range 200 {
			looked++
			if early := from + rng.Int64N(at-from); m.Score(l, early) < floor {
				t.Fatalf("it was below %v at %d, before the fall at %d", floor, early, at)
			}
		}
	}
	if falls < 100 || looked < 10000 {
		t.Fatalf("only %d falls and %d looks: the test tests nothing", falls, looked)
	}
}

// TestFallSkimming: points that come back as fast as others fade must not make
// the search run for ever, and it must still be right.
func TestFallSkimming(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: skim
groups: {plus: {cap: 100}, minus: {floor: -100}}
rules:
  - {id: good, on: page, when: path == "/good", points: 60, half_life: 30d, group: plus}
  - {id: bad, on: page, when: path == "/bad", points: -40, half_life: 3d, group: minus}
  - {id: base, on: page, when: path == "/base", points: 20.0000001, half_life: never, group: plus}
stages:
  - {id: visitor, up: 0}
  - {id: hot, up: 50, down: 20, min_dwell: 0s}
`)
	l := lead()
	m.Apply(l, page("1", "/good", monday), nil)
	m.Apply(l, page("2", "/base", monday), nil)
	m.Apply(l, page("3", "/bad", monday), nil)
	if l.stage != "hot" {
		t.Fatalf("stage %s at %v", l.stage, m.Score(l, l.clock))
	}
	if at, ok := m.Due(l); ok {
		t.Fatalf("falls at %d with a score of %v that never is below 20", at, m.Score(l, at))
	}
}

// TestDwellHoldsTheFall: the score is below the floor at once, but the lead stays
// for min_dwell, and then falls at that very instant.
func TestDwellHoldsTheFall(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: hold
rules:
  - {id: good, on: page, when: path == "/good", points: 30}
  - {id: bad, on: page, when: path == "/bad", points: -30}
stages:
  - {id: visitor, up: 0}
  - {id: hot, up: 20, min_dwell: 2d, cooldown: 5d}
`)
	l := lead()
	m.Apply(l, page("1", "/good", monday), nil)
	m.Apply(l, page("2", "/bad", monday+msHour), nil)
	at, ok := m.Due(l)
	if !ok || at != monday+2*msDay {
		t.Fatalf("falls at %d, want %d", at, monday+2*msDay)
	}
	// The next event, days later, finds the fall made at its instant.
	out := m.Apply(l, page("3", "/good", monday+4*msDay), nil)
	if len(out.Stages) != 1 || out.Stages[0].At != at || out.Stages[0].To != "visitor" {
		t.Fatalf("%v", out.Stages)
	}
	// 5 days of cooldown from the fall hold the lead down.
	if m.Score(l, l.clock) < 20 {
		t.Fatalf("score %v", m.Score(l, l.clock))
	}
	if out := m.Apply(l, page("4", "/x", at+5*msDay-1), nil); len(out.Stages) != 0 {
		t.Fatalf("promoted in the cooldown: %v", out.Stages)
	}
	if out := m.Apply(l, page("5", "/good", at+5*msDay), nil); len(out.Stages) != 1 || out.Stages[0].To != "hot" {
		t.Fatalf("not promoted after the cooldown: %v", out.Stages)
	}
}
