package model

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"leadstream/schemas/pb"
)

// TestAbsurdEvents: nothing a sender may put into an event breaks the fold, the
// record, or the restart from it.
func TestAbsurdEvents(t *testing.T) {
	m := Default()
	huge := strings.Repeat("x", 10<<20)
	deep := strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000)
	events := map[string]*pb.Event{
		"empty":           {ReceivedAt: monday},
		"1970":            {Type: "page", EventTime: 0, ReceivedAt: monday},
		"before Christ":   {Type: "page", EventTime: math.MinInt64, ReceivedAt: monday},
		"far future":      {Type: "page", EventTime: math.MaxInt64, ReceivedAt: monday},
		"first day":       {Type: "page", EventTime: 5, ReceivedAt: earliest},
		"end of time":     {Type: "page", EventTime: latest, ReceivedAt: latest},
		"10 MB property":  {Type: "track", Properties: []byte(`{"a":"` + huge + `"}`), EventTime: monday, ReceivedAt: monday},
		"10 MB trait":     {Type: "identify", Traits: []byte(`{"a":"` + huge + `","b":1}`), EventTime: monday, ReceivedAt: monday},
		"10 MB path":      {Type: "page", Path: huge, EventTime: monday, ReceivedAt: monday},
		"deep properties": {Type: "track", Properties: []byte(deep), EventTime: monday, ReceivedAt: monday},
		"deep traits":     {Type: "identify", Traits: []byte(deep), EventTime: monday, ReceivedAt: monday},
		"broken traits":   {Type: "identify", Traits: []byte("{\"a\":\xff}"), EventTime: monday, ReceivedAt: monday},
		"bad utf-8 trait": {Type: "identify", Traits: []byte("{\"\xff\":\"\xfe\"}"), EventTime: monday, ReceivedAt: monday},
		"odd traits":      {Type: "identify", Traits: []byte(`{"name":7,"email":[],"company":{"name":{}},"":1,"address":5}`), EventTime: monday, ReceivedAt: monday},
		"endless dwell":   {Type: "dwell", EngagedMs: math.MaxUint32, ViewId: "v", EventTime: monday, ReceivedAt: monday},
		"endless scroll":  {Type: "scroll", ScrollPct: math.MaxUint32, EventTime: monday, ReceivedAt: monday},
		"unknown type":    {Type: "telepathy", EventTime: monday, ReceivedAt: monday},
		"crm of 2^63":     {Type: "crm", Trusted: true, Properties: []byte(`{"stage":"won","amount":9223372036854775808}`), EventTime: monday, ReceivedAt: monday},
		"crm of NaN":      {Type: "crm", Trusted: true, Properties: []byte(`{"stage":"won","amount":NaN}`), EventTime: monday, ReceivedAt: monday},
		"NaN as a text":   {Type: "crm", Trusted: true, Properties: []byte(`{"stage":"won","amount":"NaN"}`), EventTime: monday, ReceivedAt: monday},
		"crm of infinity": {Type: "crm", Trusted: true, Properties: []byte(`{"stage":"won","amount":1e999}`), EventTime: monday, ReceivedAt: monday},
	}
	for name, ev := range events {
		t.Run(name, func(t *testing.T) {
			l := lead()
			out := m.Apply(l, ev, nil)
			for _, row := range out.Stages {
				if bad(row.Score) || bad(row.Amount) {
					t.Fatalf("%v", row)
				}
			}
			checkLead(t, m, l)
			m.Fold(l, math.MaxInt64)
			checkLead(t, m, l)
		})
	}
}

// checkLead holds what must be true of any lead.
func checkLead(t testing.TB, m *Model, l *Lead) {
	t.Helper()
	for _, at := range []int64{l.clock, l.clock + msDay, l.clock + 10000*msDay} {
		if s := m.Score(l, at); !(s >= -100 && s <= 100) {
			t.Fatalf("score %v", s)
		}
	}
	r := m.Record(l, l.clock, nil)
	data, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 512<<10 {
		t.Fatalf("the record is %d bytes", len(data))
	}
	if l.clock == 0 {
		return
	}
	again := m.Record(reborn(t, m, l), 7, &pb.Source{Offset: 9})
	again.ReceivedAt, again.Source = r.ReceivedAt, r.Source
	if !proto.Equal(again, r) {
		t.Fatal("the restored lead differs")
	}
	x := m.Explain(l, l.clock)
	for _, said := range []string{x.Sentence, x.SentenceZH} {
		if said == "" || len(said) > 2000 || strings.ContainsAny(said, "\n") {
			t.Fatalf("%q", said)
		}
	}
}

// TestBounds: what is kept of a lead is bounded, and what stays does not depend on order.
func TestBounds(t *testing.T) {
	m := Default()
	forth, back := lead(), lead()
	var events []*pb.Event
	for i := range 300 {
		name := strings.Repeat("k", 1+i%40) + string(rune('a'+i%26))
		events = append(events, &pb.Event{
			EventId: name + string(rune('0'+i%10)), Type: "identify", SessionId: name, ViewId: name,
			Traits: []byte(`{"` + name + `":` + strings.Repeat("1", 1+i%9) + `}`), EventTime: monday + int64(i), ReceivedAt: monday + 1000,
		})
	}
	for i := range events {
		m.Apply(forth, events[i], nil)
		m.Apply(back, events[len(events)-1-i], nil)
	}
	if len(forth.traits) != maxTraits || len(forth.sessions) != maxSessions {
		t.Fatalf("%d traits, %d sessions", len(forth.traits), len(forth.sessions))
	}
	if !bytes.Equal(sumState(t, m, forth), sumState(t, m, back)) {
		t.Fatal("forth and back differ")
	}
}

// TestDwell: units of one view are the most it reached, whatever the order of the
// beats; the day is cut at its limit.
func TestDwell(t *testing.T) {
	m := mustLoad(t, `
version: 1
name: dwell
rules: [{id: dwell, on: dwell, points: 2, limit: {per_dwell: 15s, per_view: 1m, per_day: 6}}]
stages: [{id: a, up: 0}, {id: b, up: 50}]
`)
	beat := func(id, view string, seconds uint32) *pb.Event {
		return &pb.Event{EventId: id, Type: "dwell", ViewId: view, EngagedMs: seconds * 1000, EventTime: monday, ReceivedAt: monday}
	}
	l := lead()
	for i, step := range []struct {
		ev     *pb.Event
		score  float64
		reason string
	}{
		{beat("1", "v", 14), 0, ""},
		{beat("2", "v", 31), 4, "ok"},
		{beat("3", "v", 15), 4, ""}, // an older beat comes late
		{beat("4", "v", 44), 4, ""},
		{beat("5", "v", 4000), 8, "ok"}, // at most a minute of one view
		{beat("6", "w", 60), 12, "ok"},  // the limit cuts it from 16
		{beat("7", "u", 60), 12, "cap"},
		{beat("7", "u", 60), 12, ""},
	} {
		out := m.Apply(l, step.ev, nil)
		reason := ""
		if len(out.Ledger) > 0 {
			reason = out.Ledger[0].Reason
		}
		if got := m.Score(l, monday); got != step.score || reason != step.reason {
			t.Fatalf("step %d: score %v %q, want %v %q", i, got, reason, step.score, step.reason)
		}
	}
}

// TestRestoreRefuses: a record that is none is refused, not half restored.
func TestRestoreRefuses(t *testing.T) {
	m := Default()
	id := make([]byte, 16)
	for name, r := range map[string]*pb.LeadRecord{
		"no id":       {State: &pb.LeadState{}},
		"no state":    {LeadId: id},
		"NaN":         {LeadId: id, State: &pb.LeadState{Rules: []*pb.RuleState{{Rule: "pricing", AccM: math.NaN()}}}},
		"no half":     {LeadId: id, State: &pb.LeadState{Rules: []*pb.RuleState{{Rule: "pricing", AccM: 1, HalfLife: 1e-300}}}},
		"clock":       {LeadId: id, State: &pb.LeadState{Clock: math.MinInt64}},
		"stage since": {LeadId: id, StageSince: math.MaxInt64, State: &pb.LeadState{}},
	} {
		if _, err := m.Restore(r); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
}

// TestAnotherModel: under a new model the lead keeps what still has a rule, with
// the same value at the last folded day when the half-life changed.
func TestAnotherModel(t *testing.T) {
	old := mustLoad(t, "version: 1\nname: old\nrules: [{id: a, on: page, points: 8, half_life: 7d}, {id: b, on: page, points: 5}]\nstages: [{id: x, up: 0}, {id: y, up: 10}]\n")
	now := mustLoad(t, "version: 1\nname: new\nrules: [{id: a, on: page, points: 8, half_life: 30d}, {id: c, on: page, points: 1}]\nstages: [{id: x, up: 0}, {id: z, up: 50}]\n")
	l := lead()
	old.Apply(l, page("1", "/", monday), nil)
	old.Apply(l, &pb.Event{EventId: "2", Type: "click", EventTime: monday + 20*msDay, ReceivedAt: monday + 20*msDay}, nil)
	old.Fold(l, monday+20*msDay)
	if l.stage != "y" && l.stage != "x" || l.foldedThrough == 0 {
		t.Fatalf("stage %s, folded %d", l.stage, l.foldedThrough)
	}
	moved, err := now.Restore(old.Record(l, 0, nil))
	if err != nil {
		t.Fatal(err)
	}
	end := endOf(dayOf(monday))
	if got := now.Score(moved, end); math.Abs(got-8) > 1e-12 {
		t.Fatalf("at the folded day %v, want 8 (b has left the model)", got)
	}
	if got := now.Score(moved, end+30*msDay); math.Abs(got-4) > 1e-12 {
		t.Fatalf("a half-life later %v, want 4", got)
	}
	if moved.stage != "x" {
		t.Fatalf("stage %s", moved.stage)
	}
}
