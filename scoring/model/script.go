package model

import (
	"fmt"
	"strings"
	"time"

	"leadstream/schemas"
)

// ScriptFailure is one line of a .score script that could not be read, or one
// expectation that did not hold.
type ScriptFailure struct {
	File    string
	Line    int
	Message string
}

func (f ScriptFailure) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message) }

// RunScript plays a script against a model and returns what did not hold. A
// script is plain text a salesperson can read; testdata/README.md explains it:
//
//	# two looks at the prices, then silence
//	at 0m    page /pricing
//	at 3m    page /pricing
//	expect   28 visitor   because pricing x2
//	at 31d   silence
//	expect   12.4         because pricing
//
// Nothing in it depends on the day it is run: time starts at `start`, which is
// Monday 2026-01-05 09:00 UTC if the script does not say.
func RunScript(m *Model, name string, text []byte) []ScriptFailure {
	r := &scriptRun{m: m, name: name, leads: map[string]*scriptLead{}}
	r.start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).UnixMilli()
	r.now = r.start
	r.lead = r.find("visitor")
	if len(text) > maxFile {
		r.failf("the script is %d bytes, 1 MiB is the most", len(text))
		return r.failures
	}
	for i, line := range strings.Split(string(text), "\n") {
		r.line = i + 1
		words, err := scriptWords(line)
		if err == nil && len(words) > 0 {
			err = r.step(words)
		}
		if err != nil {
			r.failf("%v", err)
		}
	}
	return r.failures
}

// scriptRun is a script on its way.
type scriptRun struct {
	m          *Model
	name       string
	line       int
	start, now int64
	leads      map[string]*scriptLead
	lead       *scriptLead
	failures   []ScriptFailure
}

// scriptLead is one lead of a script, with what its last line brought.
type scriptLead struct {
	*Lead
	name    string
	session int
	lastAt  int64
	views   map[string]string // path -> newest view
	out     Outcome
	moves   []string // stages entered since the last `expect moves`
	offset  int64
}

func (r *scriptRun) failf(format string, args ...any) {
	r.failures = append(r.failures, ScriptFailure{r.name, r.line, fmt.Sprintf(format, args...)})
}

func (r *scriptRun) find(name string) *scriptLead {
	l := r.leads[name]
	if l == nil {
		id := schemas.NewLeadID(schemas.EventKey("script", name, ""))
		l = &scriptLead{Lead: NewLead(id, "script"), name: name, views: map[string]string{}}
		r.leads[name] = l
	}
	return l
}

// step runs one line.
func (r *scriptRun) step(words []string) error {
	switch words[0] {
	case "start":
		return r.setStart(words[1:])
	case "lead":
		if len(words) != 2 {
			return fmt.Errorf("want: lead NAME")
		}
		r.lead = r.find(words[1])
		return nil
	case "at":
		return r.at(words[1:])
	case "expect":
		return r.expect(words[1:])
	}
	known := []string{"start", "lead", "at", "expect"}
	return fmt.Errorf("a line begins with start, lead, at or expect, not %.40q%s", words[0], suggest(words[0], known))
}

func (r *scriptRun) setStart(words []string) error {
	if len(words) != 1 || r.now != r.start {
		return fmt.Errorf("want: start 2026-01-05T09:00Z, before the first at")
	}
	for _, layout := range []string{"2006-01-02T15:04Z07:00", time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, words[0]); err == nil {
			ms := t.UnixMilli()
			if ms < earliest || ms > latest {
				return fmt.Errorf("%s is not between 1970 and 9999", words[0])
			}
			r.start, r.now = ms, ms
			return nil
		}
	}
	return fmt.Errorf("%.40q is no time: write 2026-01-05T09:00Z", words[0])
}

// at moves the clock, which never goes back, and lets the event or the silence
// happen to the lead.
func (r *scriptRun) at(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("want: at TIME WHAT, such as: at 3m page /pricing")
	}
	after, err := parseDuration(words[0])
	if err != nil {
		return err
	}
	now := min(r.start+after, latest)
	if now < r.now {
		return fmt.Errorf("%s lies before the line above: times count from the start and do not go back", words[0])
	}
	r.now = now
	l := r.lead
	if strings.Trim(words[1], "()") == "silence" {
		l.out = r.m.Fire(l.Lead, now, nil)
	} else {
		ev, err := r.event(words[1], words[2:])
		if err != nil {
			return err
		}
		l.offset++
		l.out = r.m.Apply(l.Lead, ev, nil)
	}
	for _, row := range l.out.Stages {
		l.moves = append(l.moves, row.To)
	}
	r.m.Fold(l.Lead, now)
	return nil
}

// scriptWords splits a line at blanks; "two words" in quotes are one, # begins a comment.
func scriptWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quoted, started := false, false
	end := func() {
		if started {
			words = append(words, word.String())
		}
		word.Reset()
		started = false
	}
	for _, c := range strings.TrimSuffix(line, "\r") {
		switch {
		case c == '"':
			quoted, started = !quoted, true
		case quoted:
			word.WriteRune(c)
		case c == ' ' || c == '\t':
			end()
		case c == '#' && !started:
			return words, nil
		default:
			word.WriteRune(c)
			started = true
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quotation mark is not closed")
	}
	end()
	return words, nil
}
