package model

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"leadstream/schemas/pb"
)

const historyModel = `
version: 1
name: history
rules:
  - {id: pricing, on: page, when: path == "/pricing", points: 5, limit: {per_day: 3}}
  - {id: known, on: identify, points: 5, limit: {once: true}}
  - {id: docs, on: page, when: path == "/docs", points: 1}
stages:
  - id: visitor
    up: 0
    sub_stages:
      - {id: fresh, when: 'count("pricing", 7) >= 1'}
      - {id: keen, when: 'count("pricing", 2) >= 3 and since("pricing") <= 1'}
      - {id: quiet, when: 'since("pricing") >= 5 and met("pricing")'}
  - {id: aware, up: 90}
`

// asked asks the lead at an instant.
func asked(m *Model, l *Lead, at int64, rule string, days int) (count, since int) {
	e := m.evaluator()
	defer m.release(e)
	e.look(m, l, at, 0)
	return e.count(rule, days), e.since(rule)
}

func TestCountAndSince(t *testing.T) {
	m := mustLoad(t, historyModel)
	l := lead()
	if n, days := asked(m, l, monday, "pricing", 7); n != 0 || days != neverDays {
		t.Fatalf("of a rule never met: %d, %d", n, days)
	}
	for i, day := range []int64{0, 0, 0, 0, 2, 6} { // the fourth of a day is over the limit
		m.Apply(l, page(fmt.Sprint(i), "/pricing", monday+day*msDay+int64(i)), nil)
	}
	m.Apply(l, says("k", `{"email":"a@b.example"}`, monday+6*msDay), nil)
	cases := []struct {
		at           int64
		rule         string
		days         int
		count, since int
	}{
		{6, "pricing", 1, 1, 0}, {6, "pricing", 4, 1, 0}, {6, "pricing", 5, 2, 0}, {6, "pricing", 7, 5, 0},
		{7, "pricing", 7, 2, 1}, {7, "pricing", 1, 0, 1}, {20, "pricing", 7, 0, 14},
		{6, "known", 1, 1, 0}, {8, "known", 7, 1, 2}, {14, "known", 7, 0, 8}, {6, "docs", 7, 0, neverDays}, {6, "none", 7, 0, neverDays},
	}
	for _, c := range cases {
		if n, since := asked(m, l, monday+c.at*msDay, c.rule, c.days); n != c.count || since != c.since {
			t.Errorf("day %d, %s in %d days: count %d since %d, want %d and %d", c.at, c.rule, c.days, n, since, c.count, c.since)
		}
	}
}

// TestHistoryIsOfTheSet: any order, any folding and restores on the way give the
// same answers, weeks later, too.
func TestHistoryIsOfTheSet(t *testing.T) {
	m := mustLoad(t, historyModel)
	rnd := rand.New(rand.NewPCG(9, 9))
	var events []*pb.Event
	for i := range 60 {
		at := monday + int64(rnd.IntN(7*24))*msHour
		// received together, so that nothing is late in any order
		events = append(events, &pb.Event{EventId: fmt.Sprint(i), Type: "page", Path: []string{"/pricing", "/docs"}[i%2],
			EventTime: at, ReceivedAt: monday + 7*msDay - 1})
	}
	want := ""
	for range 40 {
		l := lead()
		for i, at := range rnd.Perm(len(events)) {
			m.Apply(l, events[at], nil)
			m.Fold(l, monday+int64(rnd.IntN(30))*msDay)
			if i == 30 {
				restored, err := m.Restore(m.Record(l, monday, nil))
				if err != nil {
					t.Fatal(err)
				}
				l = restored
			}
		}
		got := ""
		for _, day := range []int64{7, 8, 12, 40} {
			for days := 1; days <= maxCountDays; days++ {
				n, since := asked(m, l, monday+day*msDay, "pricing", days)
				got += fmt.Sprintf("%d/%d ", n, since)
			}
		}
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("another order gives\n%s, not\n%s", got, want)
		}
	}
}

// TestSinceOutlivesFolding: the day itself is kept when its units are not.
func TestSinceOutlivesFolding(t *testing.T) {
	m := mustLoad(t, historyModel)
	l := lead()
	m.Apply(l, page("1", "/pricing", monday), nil)
	m.Apply(l, page("2", "/docs", monday+40*msDay), nil)
	if !m.Fold(l, monday+40*msDay) {
		t.Fatal("nothing was folded: the test tests nothing")
	}
	if _, since := asked(m, l, monday+40*msDay, "pricing", 7); since != 40 {
		t.Fatalf("since %d, want 40", since)
	}
	rec := m.Record(l, monday, nil)
	for _, r := range rec.State.Rules {
		r.LastDay = 0 // as an older version wrote it
	}
	old, err := m.Restore(rec)
	if err != nil {
		t.Fatal(err)
	}
	if _, since := asked(m, old, monday+40*msDay, "pricing", 7); since != 40 { // the last folded day
		t.Fatalf("of an older record: since %d", since)
	}
	if _, since := asked(m, old, monday+40*msDay, "docs", 7); since != 0 {
		t.Fatalf("of an older record's open day: since %d", since)
	}
}

// TestHistorySubStages: quick or in the machine, the criteria see the same.
func TestHistorySubStages(t *testing.T) {
	m := mustLoad(t, historyModel)
	l := lead()
	for i, step := range []struct {
		day  int64
		path string
		want string
	}{{0, "/docs", ""}, {0, "/pricing", "fresh"}, {1, "/pricing", "fresh"}, {1, "/pricing", "keen"}, {3, "/docs", "fresh"}, {9, "/docs", "quiet"}} {
		m.Apply(l, page(fmt.Sprint(i), step.path, monday+step.day*msDay+int64(i)), nil)
		if l.subStage != step.want {
			t.Errorf("step %d: %q, want %q", i, l.subStage, step.want)
		}
		e := m.evaluator()
		e.look(m, l, l.clock, 0)
		for _, c := range m.stages[0].subStages {
			if c.quickLead == nil {
				t.Fatalf("%s is not quick", c.program.Source())
			}
			slow := *c
			slow.quickLead = nil
			if fast, machine := e.holds(c), e.holds(&slow); fast != machine {
				t.Errorf("%s: quick says %v, the machine %v", c.program.Source(), fast, machine)
			}
		}
		m.release(e)
	}
}
