package model

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// english is the sentence: "Ann Lee from Acme looked at the prices twice today, stands at Interest with 41 points,
// would reach Intent if they sent a form, and falls back to Aware on 19 January if nothing happens."
func (t *telling) english() string {
	parts := []string{t.did()}
	if t.stage.ID == "" && len(t.flags) == 0 {
		return t.who() + " " + parts[0] + "."
	}
	if t.stage.ID != "" {
		parts = append(parts, t.stands())
	}
	if len(t.flags) > 0 { // nothing that it does next leads anywhere
		var why []string
		for _, f := range t.flags {
			why = append(why, small(f.EN))
		}
		return t.who() + " " + strings.Join(parts, ", ") + ", but is ruled out: " + joined(why) + "."
	}
	for _, part := range []string{t.climbs(), t.sinks()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	last := len(parts) - 1
	return t.who() + " " + strings.Join(parts[:last], ", ") + ", and " + parts[last] + "."
}

func (t *telling) who() string {
	switch {
	case t.name != "" && t.company != "":
		return t.name + " from " + t.company
	case t.name != "":
		return t.name
	case t.company != "":
		return "Somebody from " + t.company
	}
	return "A visitor we do not know yet"
}

// did says a day once, behind the last thing that was done on it.
func (t *telling) did() string {
	all := append(slices.Clone(t.deeds), t.but...)
	said := make([]string, len(all))
	for i, d := range all {
		said[i] = d.did + times(d.times)
		last := i+1 == len(all)
		switch {
		case d.day.IsZero():
		case d.spread:
			said[i] += ", last " + t.onDay(d.day)
			if i+1 < len(t.deeds) {
				said[i] += ","
			}
		case last || !all[i+1].day.Equal(d.day) || all[i+1].spread:
			said[i] += " " + t.onDay(d.day)
		}
	}
	good, bad := joined(said[:len(t.deeds)]), joined(said[len(t.deeds):])
	switch {
	case len(all) == 0:
		return "has done nothing lately that counts"
	case good == "" || bad == "":
		return good + bad
	}
	return good + ", but " + bad
}

func (t *telling) stands() string {
	at := "stands at " + t.stage.EN
	switch {
	case t.over:
		return at
	case t.sales:
		return at + ", where sales decides"
	case t.points == 0:
		return at + " with no points"
	case t.points < 0:
		return at + " with minus " + amount(float64(-t.points), "point")
	}
	return at + " with " + amount(float64(t.points), "point")
}

// climbs is what would bring the next stage.
func (t *telling) climbs() string {
	if t.call {
		return "is due for a call"
	}
	if t.next == nil {
		return ""
	}
	var wants []string
	if n := t.missing(); n > 0 {
		wants = append(wants, strings.Replace(amount(float64(n), "more point"), "1 more", "one more", 1))
	}
	for _, c := range t.next.Criteria {
		wants = append(wants, "“"+c+"”")
	}
	switch to := t.next.Stage.EN; {
	case !t.rests.IsZero():
		return "can move up again from " + t.date(t.rests)
	case t.lacks() && t.missing() == 0:
		return "only lacks " + joined(wants) + " for " + to
	case t.nextDid.did != "" && !t.lacks():
		return "would reach " + to + " if they " + t.nextDid.did + times(t.nextDid.times)
	case len(wants) > 0:
		return "needs " + joined(wants) + " for " + to
	default:
		return "moves up to " + to + " with the next thing they do"
	}
}

func (t *telling) sinks() string {
	if t.falls == nil {
		return ""
	}
	return "falls back to " + t.falls.To.EN + " " + t.onDay(t.falls.At) + " if nothing happens"
}

// onDay is a UTC day as one says it, past or to come.
func (t *telling) onDay(d time.Time) string {
	switch n := t.daysBefore(d); {
	case n == 0:
		return "today"
	case n == 1:
		return "yesterday"
	case n == -1:
		return "tomorrow"
	case n > 1 && n < 7:
		return "on " + d.Weekday().String()
	}
	return "on " + t.date(d)
}

func (t *telling) date(d time.Time) string {
	if d.Year() == t.at.Year() {
		return d.Format("2 January")
	}
	return d.Format("2 January 2006")
}

func times(n int) string {
	switch {
	case n < 2:
		return ""
	case n == 2:
		return " twice"
	}
	return fmt.Sprintf(" %d times", n)
}

// joined is "a", "a and b", "a, b and c".
func joined(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// small begins a title with a small letter, unless it is an abbreviation.
func small(title string) string {
	first, size := utf8.DecodeRuneInString(title)
	second, _ := utf8.DecodeRuneInString(title[size:])
	if unicode.IsUpper(second) {
		return title
	}
	return string(unicode.ToLower(first)) + title[size:]
}
