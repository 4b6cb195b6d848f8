package model

import (
	"fmt"
	"slices"
	"testing"

	"leadstream/schemas/pb"
)

func tos(rows []*pb.StageRow) (to []string) {
	for _, r := range rows {
		to = append(to, r.From+">"+r.To)
	}
	return to
}

// TestJump: one event over three thresholds is three rows with one cause, and
// entry numbers count on.
func TestJump(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: jump
rules: [{id: all, on: page, points: 80}]
stages:
  - {id: visitor, up: 0}
  - {id: aware, up: 10, criteria: [{id: here, when: sessions >= 0}]}
  - {id: interest, up: 30, criteria: [{id: page, when: met("all")}, {id: high, when: score > 30}]}
  - {id: intent, up: 60}
  - {id: won, owner: sales}
`)
	l := lead()
	out := m.Apply(l, page("e1", "/", monday), &pb.Source{Offset: 5})
	want := []string{">visitor", "visitor>aware", "aware>interest", "interest>intent"}
	if got := tos(out.Stages); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i, r := range out.Stages {
		if r.CauseEventId != "e1" || r.Cause != "event" || r.At != monday || r.EntryNo != uint32(i+1) || r.Source.Offset != 5 || r.Direction != "promote" {
			t.Errorf("row %d: %v", i, r)
		}
	}
	if got := out.Stages[2]; !slices.Equal(got.Criteria, []string{"page", "high"}) || got.Score != 80 || got.Grade != "?1" {
		t.Errorf("criteria %v, score %v, grade %s", got.Criteria, got.Score, got.Grade)
	}
}

// TestPassedStagesAskTheirCriteria: a stage whose criteria do not hold stops the climb.
func TestPassedStagesAskTheirCriteria(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: stop
rules: [{id: all, on: page, points: 80}]
stages:
  - {id: visitor, up: 0}
  - {id: aware, up: 10, criteria: [{id: known, when: identified}]}
  - {id: intent, up: 60}
`)
	l := lead()
	m.Apply(l, page("e1", "/", monday), nil)
	if l.stage != "visitor" {
		t.Fatalf("in %s without its criterion", l.stage)
	}
	ev := &pb.Event{EventId: "e2", Type: "identify", UserId: "u", EventTime: monday, ReceivedAt: monday + 1}
	out := m.Apply(l, ev, nil)
	if got := tos(out.Stages); !slices.Equal(got, []string{"visitor>aware", "aware>intent"}) {
		t.Fatalf("%v", got)
	}
}

// TestClampsAreOfReadingOnly: +200 and then -30 under a cap of 100 is 100; a cap
// that cut what is stored would say 70.
func TestClampsAreOfReadingOnly(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: cap
rules:
  - {id: plus, on: page, when: path == "/plus", points: 20, limit: {per_day: 10}}
  - {id: minus, on: page, when: path == "/minus", points: -30}
stages: [{id: visitor, up: 0}, {id: hot, up: 50}]
`)
	l := lead()
	for i := range 10 {
		m.Apply(l, page(fmt.Sprint(i), "/plus", monday), nil)
	}
	m.Apply(l, page("m", "/minus", monday), nil)
	if got := m.Score(l, monday); got != 100 {
		t.Fatalf("score %v, want 100", got)
	}
	if x := m.Explain(l, monday); x.Groups[0].Sum != 170 || x.Groups[0].Clamped != 100 {
		t.Fatalf("%+v", x.Groups)
	}
}

// TestHysteresis: a score that shivers around the threshold moves the lead once.
func TestHysteresis(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: shiver
rules:
  - {id: up, on: page, when: path == "/up", points: 22, limit: {once: true}, half_life: never}
  - {id: down, on: page, when: path == "/down", points: -2, half_life: 1d}
stages: [{id: visitor, up: 0}, {id: hot, up: 20, down: 15, min_dwell: 0s, cooldown: 0s}]
`)
	l := lead()
	m.Apply(l, page("u", "/up", monday), nil)
	moves := 0
	for i := range 30 {
		out := m.Apply(l, page(fmt.Sprint(i), "/down", monday+int64(i)*msDay), nil)
		moves += len(out.Stages)
	}
	if l.stage != "hot" || moves != 0 {
		t.Fatalf("%d moves, now %s", moves, l.stage)
	}
}

// TestTakingPointsFallsAtOnce: points taken away by an event make the fall there,
// with that event as its cause.
func TestTakingPointsFallsAtOnce(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: fall
rules:
  - {id: plus, on: page, when: path == "/plus", points: 70}
  - {id: minus, on: page, when: path == "/minus", points: -60}
stages: [{id: visitor, up: 0}, {id: warm, up: 20, min_dwell: 0s}, {id: hot, up: 60, min_dwell: 0s}]
`)
	l := lead()
	m.Apply(l, page("p", "/plus", monday), nil)
	out := m.Apply(l, page("m", "/minus", monday+5), nil)
	if len(out.Stages) != 1 || out.Stages[0].To != "warm" || out.Stages[0].CauseEventId != "m" || out.Stages[0].At != monday+5 {
		t.Fatalf("%v", out.Stages)
	}
	// One step an event; the next step is due at once and keeps the instant.
	if at, ok := m.Due(l); !ok || at != monday+5 {
		t.Fatalf("due %d %v", at, ok)
	}
	if out := m.Fire(l, monday+msHour, nil); len(out.Stages) != 1 || out.Stages[0].At != monday+5 {
		t.Fatalf("%v", out.Stages)
	}
}

func crm(id string, at int64, properties string) *pb.Event {
	return &pb.Event{EventId: id, Type: "crm", AnonymousId: "a", EventTime: at, ReceivedAt: at, Trusted: true, Properties: []byte(properties)}
}

func TestCRM(t *testing.T) {
	m := Default()
	l := lead()
	m.Apply(l, page("1", "/pricing", monday), nil)
	steps := []struct {
		name    string
		ev      *pb.Event
		stage   string
		refused string
		check   func(*pb.StageRow) bool
	}{
		{"by properties", crm("c1", monday+10, `{"stage":"opportunity","sub_stage":"proposal","amount":12000.5,"currency":"EUR","reason":"budget"}`),
			"opportunity", "", func(r *pb.StageRow) bool {
				return r.Amount == 12000.5 && r.Currency == "EUR" && r.Why == "budget" && r.SubStage == "proposal" &&
					r.Cause == "crm" && r.Direction == "move" && r.From == "visitor"
			}},
		{"again", crm("c1", monday+10, `{"stage":"opportunity"}`), "opportunity", RefusedStale, nil},
		{"older", crm("c0", monday+5, `{"stage":"accepted"}`), "opportunity", RefusedStale, nil},
		{"unknown stage", crm("c2", monday+20, `{"stage":"nirvana"}`), "opportunity", RefusedStage, nil},
		{"note", &pb.Event{EventId: "c3", Type: "crm", Name: "called", Trusted: true, EventTime: monday + 30, ReceivedAt: monday + 30}, "opportunity", "", nil},
		{"unsigned", &pb.Event{EventId: "c4", Type: "crm", Name: "won", EventTime: monday + 40, ReceivedAt: monday + 40}, "opportunity", RefusedUntrusted, nil},
		{"by name", &pb.Event{EventId: "c5", Type: "crm", Name: "Won", Trusted: true, EventTime: monday + 50, ReceivedAt: monday + 50}, "won", "", nil},
		{"amount in quotes", crm("c6", monday+60, `{"stage":"lost","amount":"12"}`), "lost", "", func(r *pb.StageRow) bool { return r.Amount == 0 }},
		{"returned", crm("c7", monday+70, `{"stage":"interest","reason":"no budget"}`), "interest", "", nil},
	}
	for _, s := range steps {
		out := m.Apply(l, s.ev, nil)
		if l.stage != s.stage || out.Refused != s.refused {
			t.Fatalf("%s: in %s, refused %q", s.name, l.stage, out.Refused)
		}
		if s.check != nil && (len(out.Stages) != 1 || !s.check(out.Stages[0])) {
			t.Fatalf("%s: %v", s.name, out.Stages)
		}
	}
	// Given back: a high score does not undo it within the cooldown.
	for i, path := range []string{"/request-demo", "/product", "/docs", "/compare"} {
		m.Apply(l, page("p"+path, path, monday+100+int64(i)), nil)
	}
	m.Apply(l, &pb.Event{EventId: "f", Type: "form", EventTime: monday + 200, ReceivedAt: monday + 200}, nil)
	if l.stage != "interest" || m.Score(l, l.clock) < 60 {
		t.Fatalf("in %s at %v", l.stage, m.Score(l, l.clock))
	}
	if m.Apply(l, page("later", "/pricing", monday+70+3*msDay), nil); l.stage != "intent" {
		t.Fatalf("in %s after the cooldown", l.stage)
	}
}

// TestSalesStagesStay: no score and no time moves a stage that sales owns.
func TestSalesStagesStay(t *testing.T) {
	m := Default()
	l := lead()
	m.Apply(l, crm("c", monday, `{"stage":"accepted"}`), nil)
	if at, ok := m.Due(l); ok {
		t.Fatalf("due at %d", at)
	}
	if out := m.Fire(l, monday+5000*msDay, nil); out.Changed {
		t.Fatalf("%v", out.Stages)
	}
	if out := m.Apply(l, page("p", "/pricing", monday+6000*msDay), nil); len(out.Stages) != 0 {
		t.Fatalf("%v", out.Stages)
	}
}

// TestRefusedEventsMakeNoLead: a robot, or a visitor who denied consent, leaves
// ledger rows and nothing else.
func TestRefusedEventsMakeNoLead(t *testing.T) {
	m := Default()
	for reason, ev := range map[string]*pb.Event{
		"bot":     {EventId: "1", Type: "page", Path: "/pricing", Bot: true, EventTime: monday, ReceivedAt: monday},
		"consent": {EventId: "1", Type: "page", Path: "/pricing", Consent: pb.Consent_CONSENT_DENIED, EventTime: monday, ReceivedAt: monday},
	} {
		l := lead()
		out := m.Apply(l, ev, nil)
		if out.Changed || l.stage != "" || l.revision != 0 || len(out.Stages) != 0 || len(out.Ledger) == 0 {
			t.Fatalf("%s: %+v", reason, out)
		}
		for _, row := range out.Ledger {
			if row.Reason != reason || row.Counted {
				t.Fatalf("%s: %v", reason, row)
			}
		}
		if got := FoldLedger(out.Ledger, monday); got != 0 {
			t.Fatalf("%s: the ledger folds to %v", reason, got)
		}
	}
}

func TestReceivedOutsideTime(t *testing.T) {
	m := Default()
	for _, at := range []int64{0, -5, msDay - 1, latest + 1, -1 << 63, 1<<63 - 1} {
		l := lead()
		out := m.Apply(l, page("1", "/", at), nil)
		if out.Refused != RefusedTime || out.Changed || l.stage != "" {
			t.Fatalf("received at %d: %+v", at, out)
		}
	}
}
