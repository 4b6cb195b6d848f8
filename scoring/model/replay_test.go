package model

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"leadstream/schemas/pb"
)

// history is what a sequence of events brings: all stage rows and the end state.
func history(t testing.TB, m *Model, events []*pb.Event, between func(*Lead, int64) (*Lead, []*pb.StageRow)) ([]*pb.StageRow, *Lead) {
	l := lead()
	var rows []*pb.StageRow
	for i, ev := range events {
		rows = append(rows, m.Apply(l, ev, nil).Stages...)
		next := ev.ReceivedAt + 60*msDay
		if i+1 < len(events) {
			next = events[i+1].ReceivedAt
		}
		var more []*pb.StageRow
		l, more = between(l, next)
		rows = append(rows, more...)
	}
	return append(rows, m.Fire(l, l.clock+2*horizon, nil).Stages...), l
}

// TestTimersChangeNothing: live, where timers fire late and at odd moments, days
// are folded and workers restart, makes the same stage rows as a replay that has
// no timers at all.
func TestTimersChangeNothing(t *testing.T) {
	m := Default()
	rng := rand.New(rand.NewPCG(11, 11))
	demotions := 0
	for world := range rounds(60) {
		var events []*pb.Event
		shift := int64(0)
		for _, ev := range weeks(rng, 80) { // with long silences, so that there is something to fall from
			ev = proto.Clone(ev).(*pb.Event)
			if rng.IntN(15) == 0 {
				shift += rng.Int64N(40 * msDay)
			}
			ev.EventTime, ev.ReceivedAt = ev.EventTime+shift, ev.ReceivedAt+shift
			events = append(events, ev)
		}
		replayed, _ := history(t, m, events, func(l *Lead, _ int64) (*Lead, []*pb.StageRow) { return l, nil })
		live, _ := history(t, m, events, func(l *Lead, next int64) (*Lead, []*pb.StageRow) {
			var rows []*pb.StageRow
			for range rng.IntN(3) {
				if at, due := m.Due(l); due && at <= next && rng.IntN(2) == 0 {
					rows = append(rows, m.Fire(l, at+rng.Int64N(next-at+1), nil).Stages...)
				}
				if rng.IntN(3) == 0 {
					l = reborn(t, m, l)
				}
				m.Fold(l, l.clock)
			}
			return l, rows
		})
		if len(replayed) != len(live) {
			t.Fatalf("world %d: %d rows in the replay, %d live", world, len(replayed), len(live))
		}
		for i := range live {
			if !proto.Equal(live[i], replayed[i]) {
				t.Fatalf("world %d row %d:\nlive   %v\nreplay %v", world, i, live[i], replayed[i])
			}
			if live[i].Cause == "timer" {
				demotions++
			}
		}
		for i, row := range live {
			if row.EntryNo != uint32(i+1) || i > 0 && (row.From != live[i-1].To || row.At < live[i-1].At) {
				t.Fatalf("world %d: row %d does not follow the one before: %v", world, i, row)
			}
		}
	}
	if demotions < rounds(30) {
		t.Fatalf("only %d falls: the test tests nothing", demotions)
	}
}

// TestQuickLeadEqualsMachine: criteria as closures and in expr's machine agree.
func TestQuickLeadEqualsMachine(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: quick
groups: {a: {cap: 30}, b: {}}
rules:
  - {id: pricing, on: page, when: path == "/pricing", points: 12, limit: {per_day: 5}, group: a}
  - {id: docs, on: page, when: path startsWith "/docs", points: 5, group: a}
  - {id: mail, on: identify, points: 7, limit: {once: true}, group: b}
stages:
  - {id: visitor, up: 0}
  - id: all
    up: 1
    criteria:
      - {id: c1, when: score > 20}
      - {id: c2, when: score >= 12.5 and sessions < 2}
      - {id: c3, when: met("pricing") or not met("docs")}
      - {id: c4, when: points("a") == 30}
      - {id: c5, when: rules_met("a") + rules_met("b") >= 2}
      - {id: c6, when: identified and fit != "X"}
      - {id: c7, when: sessions == 1 && fit == "?"}
      - {id: c8, when: points("a") + points("b") + score > 40.5}
`)
	rng := rand.New(rand.NewPCG(12, 12))
	e, yes, no := m.newEvaluator(), 0, 0
	for range 300 {
		l := lead()
		for _, ev := range weeks(rng, 2+rng.IntN(30)) {
			if rng.IntN(3) == 0 {
				ev.Type, ev.Path = "page", []string{"/pricing", "/docs/1", "/"}[rng.IntN(3)]
			}
			ev.UserId, ev.SessionId = "", "s"
			m.Apply(l, ev, nil)
		}
		e.look(m, l, l.clock, m.Score(l, l.clock))
		e.fillLead()
		for i, c := range m.stages[1].criteria {
			if c.quickLead == nil {
				t.Fatalf("%s is not quick", c.program.Source())
			}
			want, err := c.holds(&e.machine, e.lead)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.quickLead(e); got != want {
				t.Fatalf("criterion %d, %s: quick %v, machine %v at score %v", i+1, c.program.Source(), got, want, e.score)
			}
			if want {
				yes++
			} else {
				no++
			}
		}
	}
	if yes < 300 || no < 300 {
		t.Fatalf("%d yes, %d no", yes, no)
	}
}
