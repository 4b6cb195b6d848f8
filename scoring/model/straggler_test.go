package model

import (
	"testing"

	"leadstream/schemas/pb"
)

// late is a page that is received so long after it happened.
func late(id string, happened, by int64) *pb.Event {
	ev := page(id, "/late", happened)
	ev.ReceivedAt = happened + by
	return ev
}

// reasonOf is the one row's, "" for none.
func reasonOf(t *testing.T, out Outcome) string {
	t.Helper()
	if len(out.Ledger) != 1 {
		return ""
	}
	if row := out.Ledger[0]; row.Counted != (row.Reason == reasonOK) {
		t.Errorf("%s is counted: %v", row.Reason, row.Counted)
	}
	return out.Ledger[0].Reason
}

// An event counts up to seven days after it happened, to the millisecond.
func TestLatenessIsSevenDays(t *testing.T) {
	for by, want := range map[int64]struct {
		reason string
		score  float64
	}{7*msDay - 1: {reasonOK, 8}, 7 * msDay: {reasonOK, 8}, 7*msDay + 1: {reasonLate, 0}} {
		m, l := daily(t), lead()
		out := m.Apply(l, late("1", monday, by), nil)
		if reason := reasonOf(t, out); reason != want.reason {
			t.Errorf("%d ms late: %q, want %q", by, reason, want.reason)
		}
		if got := m.Score(l, monday); got != want.score {
			t.Errorf("%d ms late: score %v, want %v", by, got, want.score)
		}
	}
}

// A collector whose clock runs ahead closes days too early for what another one took in time. Up to a day it does no
// harm; from there on the event is ledgered as a straggler, and the score stays what it was, to the bit.
func TestAStragglerChangesNoScore(t *testing.T) {
	closes := endOf(dayOf(monday)) + lateness + slack
	for ahead, want := range map[int64]string{closes: reasonOK, closes + 1: reasonStraggler} {
		m, l := daily(t), lead()
		other := page("other", "/", ahead) // of the same lead, by the collector whose clock is ahead
		m.Apply(l, other, nil)
		m.Apply(l, at("first", monday, monday+msHour), nil) // so that the day holds something
		m.Fold(l, ahead)
		before, day := m.Score(l, ahead), m.Score(l, ahead+30*msDay)
		out := m.Apply(l, late("in time", monday+msHour, lateness), nil)
		reason := reasonOf(t, out)
		if want == reasonOK {
			if reason != reasonCap { // the day is open and has its one unit
				t.Errorf("clock %d ms behind the end: %q", ahead-closes, reason)
			}
			continue
		}
		if reason != want {
			t.Errorf("%q, want %q", reason, want)
		}
		if m.Score(l, ahead) != before || m.Score(l, ahead+30*msDay) != day {
			t.Errorf("the score moved from %v to %v", before, m.Score(l, ahead))
		}
		// Again, and after a restart, it says the same.
		again := reborn(t, m, l)
		if reason := reasonOf(t, m.Apply(again, late("in time", monday+msHour, lateness), nil)); reason != want {
			t.Errorf("after a restart: %q", reason)
		}
		if m.Score(again, ahead) != before {
			t.Error("after a restart the score moved")
		}
	}
}

// What pays once in a lead's life needs no open day.
func TestAStragglerMayStillBeTheFirstOfItsKind(t *testing.T) {
	m := mustLoad(t, "version: 1\nname: x\nrules: [{id: a, on: page, points: 8}, {id: b, on: form, points: 5, limit: {once: true}}]\nstages: [{id: x, up: 0}, {id: y, up: 50}]\n")
	l := lead()
	m.Apply(l, page("1", "/", monday), nil)
	m.Apply(l, page("2", "/", monday+30*msDay), nil)
	m.Fold(l, monday+30*msDay)
	form := late("3", monday, lateness)
	form.Type = "form"
	if reason := reasonOf(t, m.Apply(l, form, nil)); reason != reasonOK {
		t.Errorf("%q", reason)
	}
	if reason := reasonOf(t, m.Apply(l, late("4", monday, lateness), nil)); reason != reasonStraggler {
		t.Errorf("%q", reason)
	}
}
