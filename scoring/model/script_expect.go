package model

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// expect reads what must hold now:
//
//	expect 24.5 interest grade ?3 fit B:62 sub compares because pricing x2, docs
//	expect moves visitor aware          entered since the last `expect moves`
//	expect ledger pricing ok, docs cap  rows of the last event
//	expect refused stale                the last event's refusal, or nothing
//	expect falls 12d3h aware            in so much time, to that stage; or: never
//	expect next intent pricing x2       the cheapest way to the next stage
//	expect flags applicant
func (r *scriptRun) expect(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("expect what? a score, a stage, because, moves, ledger, refused, falls, next or flags")
	}
	rest := words[1:]
	switch words[0] {
	case "moves":
		r.same("moves", strings.Join(rest, " "), strings.Join(r.lead.moves, " "))
		r.lead.moves = nil
		return nil
	case "ledger":
		return r.expectLedger(rest)
	case "refused":
		r.same("refused", strings.Join(rest, " "), firstOf(r.lead.out.Refused, "nothing"))
		return nil
	case "falls":
		return r.expectFalls(rest)
	case "next":
		return r.expectNext(rest)
	case "flags":
		r.same("flags", strings.Join(rest, " "), strings.Join(r.lead.flags, " "))
		return nil
	}
	return r.expectScore(words)
}

func (r *scriptRun) same(what, want, got string) {
	if want != got {
		r.failf("%s: %s, want %s", what, got, want)
	}
}

func (r *scriptRun) expectScore(words []string) error {
	score := r.m.Score(r.lead.Lead, r.now)
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		value := ""
		if word == "grade" || word == "sub" || word == "fit" {
			if len(words) == 0 {
				return fmt.Errorf("%s: which?", word)
			}
			value, words = words[0], words[1:]
		}
		want, err := strconv.ParseFloat(word, 64)
		switch {
		case err == nil:
			// As exact as it is written: 24 is 23.5 up to 24.5, 24.0 is 23.95 up to 24.05.
			_, decimals, _ := strings.Cut(word, ".")
			if scale := math.Pow(10, float64(len(decimals))); !(abs(score-want)*scale <= 0.5) {
				r.failf("score: %.*f, want %s; %s", max(2, len(decimals)), score, word, r.why())
			}
		case word == "grade":
			r.same("grade", value, r.m.grade(r.lead.Lead, score))
		case word == "fit":
			r.expectFit(value)
		case word == "sub":
			r.same("sub-stage", value, r.lead.subStage)
		case word == "because":
			return r.expectBecause(words)
		case r.m.stageIndex(word) >= 0:
			r.same("stage", word, r.lead.stage)
		default:
			return fmt.Errorf("%.40q is no score, no stage of the model, and none of grade, fit, sub, because", word)
		}
	}
	return nil
}

// expectFit reads A, or A:82 for the value over what is known, too.
func (r *scriptRun) expectFit(want string) {
	got := r.m.fit(r.lead.Lead)
	if strings.Contains(want, ":") {
		got += fmt.Sprintf(":%.0f", r.m.measure(r.lead.Lead, nil).value)
	}
	r.same("fit", want, got)
}

func (r *scriptRun) why() string { return r.m.Explain(r.lead.Lead, r.now).Details }

// expectBecause: each rule gives or takes points now; xN are its units in open days.
func (r *scriptRun) expectBecause(words []string) error {
	values := r.m.Explain(r.lead.Lead, r.now).Rules
	for _, reason := range strings.Split(strings.Join(words, " "), ",") {
		id, times, counted := strings.Cut(strings.TrimSpace(reason), " x")
		if r.m.ruleByID(id) == nil {
			return fmt.Errorf("because: the model has no rule %.40q", id)
		}
		found := false
		for _, v := range values {
			if v.Rule != id || v.Points == 0 {
				continue
			}
			found = true
			if got := strconv.Itoa(v.RecentHits); counted && got != strings.TrimSpace(times) {
				r.failf("because %s: x%s, want x%s", id, got, times)
			}
		}
		if !found {
			r.failf("because %s: it gives nothing; %s", id, r.why())
		}
	}
	return nil
}

func (r *scriptRun) expectLedger(words []string) error {
	var got []string
	for _, row := range r.lead.out.Ledger {
		got = append(got, row.Rule+" "+row.Reason)
	}
	for _, want := range strings.Split(strings.Join(words, " "), ",") {
		if want = strings.TrimSpace(want); want == "nothing" && len(got) == 0 {
			continue
		}
		if !slices.Contains(got, want) {
			r.failf("ledger: %q is not among %q", want, got)
		}
	}
	return nil
}

func (r *scriptRun) expectFalls(words []string) error {
	at, ok := r.m.Due(r.lead.Lead)
	if len(words) == 1 && words[0] == "never" {
		if ok {
			r.failf("falls: in %s, want never", formatDuration(at-r.now))
		}
		return nil
	}
	if len(words) != 2 {
		return fmt.Errorf("want: expect falls 12d3h STAGE, or: expect falls never")
	}
	want, err := parseDuration(words[0])
	if err != nil {
		return err
	}
	if !ok {
		r.failf("falls: never, want in %s", words[0])
		return nil
	}
	// As exact as it is written: the smallest unit named.
	unit := msMinute
	for _, u := range durationUnits {
		if strings.HasSuffix(words[0], u.suffix) && !strings.HasSuffix(words[0], "ms") {
			unit = u.ms
		}
	}
	if d := at - r.now - want; d < -unit || d > unit {
		r.failf("falls: in %s, want in %s", formatDuration(at-r.now), words[0])
	}
	r.same("falls to", words[1], r.m.stages[r.m.stageIndex(r.lead.stage)-1].ID)
	return nil
}

func (r *scriptRun) expectNext(words []string) error {
	next, got := r.m.Explain(r.lead.Lead, r.now).Next, "nothing"
	if next != nil {
		got = next.Stage.ID
		if next.CheapestRule != "" {
			got += fmt.Sprintf(" %s x%d", next.CheapestRule, next.Hits)
		}
	}
	r.same("next", strings.Join(words, " "), got)
	return nil
}
