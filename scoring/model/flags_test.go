package model

import (
	"testing"

	"leadstream/schemas/pb"
)

// TestAnOptOutCostsItsPoints: whatever raises the flag of the built-in model is met by the rule that takes the points,
// and brings none of those for subscribing or for sending a form.
func TestAnOptOutCostsItsPoints(t *testing.T) {
	m := Default()
	raised := 0
	for _, kind := range []string{"track", "form", "click"} {
		for _, name := range []string{
			"unsubscribe", "Unsubscribed", "Email Unsubscribed", "newsletter_unsubscribe", "opt-out", "Opted Out", "opt_out",
			"退订", "邮件退订", "unsubscribe cancelled", "undo unsubscribe", "subscribed", "adopt outline", "",
		} {
			l := lead()
			m.Apply(l, &pb.Event{EventId: "1", Type: kind, Name: name, EventTime: monday, ReceivedAt: monday}, nil)
			if len(l.flags) == 0 {
				continue
			}
			raised++
			if got := m.Score(l, monday); got != -40 || l.flags[0] != "opt_out" {
				t.Errorf("%s %q: %v, score %v", kind, name, l.flags, got)
			}
		}
	}
	if raised != 2*9 {
		t.Errorf("%d of 18 opt-outs were flagged", raised)
	}
}

// TestFlagsHaveTheirNames: every flag of the built-in model is named in both languages, and one that has left the
// model still says its id.
func TestFlagsHaveTheirNames(t *testing.T) {
	m := Default()
	l := lead()
	for _, f := range m.flags {
		if f.en == f.id || f.zh == f.en {
			t.Errorf("flag %s: %q, %q", f.id, f.en, f.zh)
		}
		l.addFlag(f.id)
	}
	l.addFlag("gone")
	names := m.flagNames(l)
	if len(names) != 5 || names[3].ID != "gone" || names[3].EN != "gone" || names[0].EN != "Applied for a job" {
		t.Errorf("%+v", names)
	}
}
