package leads

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"leadstream/schemas"
)

// listParams is a list request, checked. Its zero value lists everything.
type listParams struct {
	Site, Track string
	Stages      []string
	Grades      []string // each a grade, or a fit letter that stands for its four
	MinScore    *float64
	Since       time.Time // last seen at or after; zero = ever
	Search      string
	Sort        string
	Limit       int
	CSV         bool
	After       *position // nil on the first page

	// AsOf is the instant that scores are taken at: the cursor's, or now.
	AsOf time.Time

	// The web app's hot list leaves out leads with grade X, and those won or lost, unless they are asked for.
	WithoutExcluded, WithoutClosed bool
}

const (
	defaultLimit = 100
	maxLimit     = 1000
	// CSV goes to a file and is streamed, so it may be long.
	defaultLimitCSV = 10_000
	maxLimitCSV     = 100_000
	maxText         = 200 // characters of site, track and search
	maxChoices      = 32  // stages or grades in one request
)

// sorts are the orders a list can have; all are from the top down.
var sorts = []string{"score", "last_seen", "first_seen", "stage_since"}

var gradeForm = regexp.MustCompile(`^(?:[ABCD?][1-4]?|X)$`)

// listWords are the parameters of GET /v1/leads. token is the door's.
var listWords = []string{"site", "track", "stage", "grade", "min_score", "since", "q", "sort", "limit", "cursor", "format", "token"}

// reader takes parameters one by one and gathers all their faults.
type reader struct {
	values url.Values
	faults []string
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// only refuses parameters that nobody reads: a misspelt filter must not list everything.
func (r *reader) only(words []string) {
	for _, name := range sortedKeys(r.values) {
		if !slices.Contains(words, name) {
			r.fault("%.40q is no parameter here; known are %s", name, strings.Join(words[:len(words)-1], ", "))
		}
	}
}

// text is a plain value, bounded.
func (r *reader) text(name string) string {
	all := r.values[name]
	if len(all) > 1 {
		r.fault("%s: given %d times, once is enough", name, len(all))
	}
	value := strings.TrimSpace(r.values.Get(name))
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		r.fault("%s: must be UTF-8 text", name)
		return ""
	}
	if n := utf8.RuneCountInString(value); n > maxText {
		r.fault("%s: at most %d characters (got %d)", name, maxText, n)
		return ""
	}
	return value
}

// choices are values separated by commas, or the parameter repeated.
func (r *reader) choices(name string, valid func(string) bool, want string) []string {
	var out []string
	for _, value := range r.values[name] {
		for one := range strings.SplitSeq(value, ",") {
			one = strings.TrimSpace(one)
			switch {
			case one == "" || slices.Contains(out, one):
			case !valid(one):
				r.fault("%s: %.40q is none of %s", name, one, want)
			default:
				out = append(out, one)
			}
			if len(out) > maxChoices {
				r.fault("%s: at most %d choices", name, maxChoices)
				return nil
			}
		}
	}
	return out
}

// number is a whole number within bounds.
func (r *reader) number(name string, fallback, low, high int) int {
	text := r.text(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		r.fault("%s: must be %d..%d (got %.40q)", name, low, high, text)
		return fallback
	}
	return n
}

// parseList reads the parameters of a list; faults has one sentence for each thing that is wrong.
func parseList(values url.Values, stages []schemas.StageName, now time.Time) (listParams, []string) {
	r := &reader{values: values}
	r.only(listWords)
	p := listParams{Site: r.text("site"), Track: r.text("track"), Search: r.text("q"), AsOf: now.UTC().Truncate(time.Millisecond)}
	ids := make([]string, len(stages))
	for i, stage := range stages {
		ids[i] = stage.ID
	}
	p.Stages = r.choices("stage", func(s string) bool { return slices.Contains(ids, s) }, strings.Join(ids, ", "))
	p.Grades = r.choices("grade", gradeForm.MatchString, "A1..D4, ?1..?4, X, or a letter for its four")
	p.MinScore = r.score("min_score")
	if p.Sort = r.text("sort"); p.Sort == "" {
		p.Sort = "score"
	} else if !slices.Contains(sorts, p.Sort) {
		r.fault("sort: %.40q is none of %s", p.Sort, strings.Join(sorts, ", "))
		p.Sort = "score"
	}
	switch format := r.text("format"); format {
	case "", "json":
	case "csv":
		p.CSV = true
	default:
		r.fault("format: %.40q is none of json, csv", format)
	}
	if p.CSV {
		p.Limit = r.number("limit", defaultLimitCSV, 1, maxLimitCSV)
	} else {
		p.Limit = r.number("limit", defaultLimit, 1, maxLimit)
	}
	r.cursor(&p)
	p.Since = r.since("since", p.AsOf)
	return p, r.faults
}

func (r *reader) score(name string) *float64 {
	text := r.text(name)
	if text == "" {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || v < -100 || v > 100 {
		r.fault("%s: must be a number from -100 to 100 (got %.40q)", name, text)
		return nil
	}
	return &v
}

// cursor continues a list: same filters, same instant.
func (r *reader) cursor(p *listParams) {
	text := r.values.Get("cursor")
	if text == "" {
		return
	}
	after, err := decodeCursor(text)
	switch {
	case err != nil:
		r.fault("cursor: %s; start again without it", err)
	case after.Sort != p.Sort || after.Filters != filterMark(r.values):
		r.fault("cursor: belongs to a request with another sort or other filters; send the same ones, or start again without it")
	default:
		p.After = &after
		p.AsOf = time.UnixMilli(after.AsOf).UTC()
	}
}

// since is an instant, a day, or a time back from the instant of the list: 90m, 24h, 7d.
func (r *reader) since(name string, asOf time.Time) time.Time {
	text := r.text(name)
	if text == "" {
		return time.Time{}
	}
	if back, ok := parseBack(text); ok {
		return asOf.Add(-back)
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		// Years that DateTime64(3) holds without wrapping around.
		if at, err := time.Parse(layout, text); err == nil && at.Year() >= 1970 && at.Year() < 2200 {
			return at.UTC()
		}
	}
	r.fault("%s: must be an instant such as 2026-01-31T09:00:00Z, a day such as 2026-01-31, or a time back such as 24h or 7d (got %.40q)", name, text)
	return time.Time{}
}

// parseBack reads 90m, 24h, 7d; at most ten years.
func parseBack(text string) (time.Duration, bool) {
	const most = 3660
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0 && n <= most) {
			return 0, false
		}
		return time.Duration(n * 24 * float64(time.Hour)), true
	}
	back, err := time.ParseDuration(text)
	return back, err == nil && back >= 0 && back <= most*24*time.Hour
}
