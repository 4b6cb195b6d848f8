package leads

import (
	"context"
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// csvColumns are the heading and how each cell is made.
var csvColumns = []struct {
	name string
	of   func(Lead) string
}{
	{"lead_id", func(l Lead) string { return l.ID }},
	{"site", func(l Lead) string { return l.Site }},
	{"track", func(l Lead) string { return l.Track }},
	{"score", func(l Lead) string { return strconv.FormatFloat(l.Score, 'f', 2, 64) }},
	{"grade", func(l Lead) string { return l.Grade }},
	{"stage", func(l Lead) string { return l.Stage.ID }},
	{"stage_en", func(l Lead) string { return l.Stage.EN }},
	{"stage_zh", func(l Lead) string { return l.Stage.ZH }},
	{"stage_since", func(l Lead) string { return csvTime(l.StageSince) }},
	{"name", func(l Lead) string { return l.Name }},
	{"email", func(l Lead) string { return l.Email }},
	{"company", func(l Lead) string { return l.Company }},
	{"country", func(l Lead) string { return l.Country }},
	{"user_id", func(l Lead) string { return l.UserID }},
	{"anonymous_id", func(l Lead) string { return l.AnonymousID }},
	{"first_seen", func(l Lead) string { return csvTime(l.FirstSeen) }},
	{"last_seen", func(l Lead) string { return csvTime(l.LastSeen) }},
	{"sessions", func(l Lead) string { return strconv.FormatUint(uint64(l.Sessions), 10) }},
	{"last_event", func(l Lead) string { return strings.TrimSpace(l.Last.Type + " " + l.Last.Name) }},
	{"last_path", func(l Lead) string { return l.Last.Path }},
	{"why", csvWhy},
	{"flags", func(l Lead) string { return strings.Join(l.Flags, " ") }},
}

func csvTime(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }

func csvWhy(l Lead) string {
	parts := make([]string, len(l.Why))
	for i, rule := range l.Why {
		parts[i] = rule.EN + " " + strconv.FormatFloat(rule.Points, 'f', 1, 64)
	}
	return strings.Join(parts, "; ")
}

// harmless keeps a spreadsheet from running what a visitor typed as his name: what begins like a formula gets an apostrophe in
// front (OWASP, CSV injection). A cell begins at its start, and again behind what a spreadsheet of another country parts cells
// by, which may be a semicolon or a tab; quotes do not count, it takes them off. Numbers stay numbers.
func harmless(cell string) string {
	if !strings.ContainsAny(cell, "=+-@\t\r\n") {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return cell
	}
	var safe strings.Builder
	begins := true
	for i := range len(cell) {
		b := cell[i]
		if begins && strings.IndexByte("=+-@\t\r\n", b) >= 0 {
			safe.WriteByte('\'')
		}
		begins = strings.IndexByte(";\t\r\n", b) >= 0 || begins && b == '"'
		safe.WriteByte(b)
	}
	return safe.String()
}

// sendCSV streams a list. The next page's cursor would be known only at the end, when the headers have gone: it is a trailer.
func (s *Service) sendCSV(ctx context.Context, w http.ResponseWriter, r *http.Request, p listParams, mark string) {
	out := csv.NewWriter(w)
	record := make([]string, len(csvColumns))
	begin := func() error {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
		w.Header().Set("Content-Disposition", `attachment; filename="leads-`+p.AsOf.Format("20060102-150405")+`.csv"`)
		w.Header().Set("Trailer", "X-Next-Cursor")
		for i, c := range csvColumns {
			record[i] = c.name
		}
		return out.Write(record)
	}
	started := false
	next, n, err := s.list(ctx, p, mark, func(l Lead) error {
		if !started {
			started = true
			if err := begin(); err != nil {
				return err
			}
		}
		for i, c := range csvColumns {
			record[i] = harmless(c.of(l))
		}
		return out.Write(record)
	})
	if err == nil && !started {
		started, err = true, begin() // no lead: the heading alone
	}
	switch {
	case err != nil && !started:
		s.fail(w, r, err)
		return
	case err != nil:
		// Half a file must not look like a whole one: the connection is cut, which every client notices.
		s.fail(discard{w}, r, err)
		panic(http.ErrAbortHandler)
	}
	out.Flush()
	w.Header().Set("X-Next-Cursor", next)
	s.metrics.rows.WithLabelValues("GET /v1/leads").Add(float64(n))
}

// discard drops an answer that comes too late to be sent.
type discard struct{ http.ResponseWriter }

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// csvLink is the same list as a file.
func csvLink(values url.Values) string {
	query := url.Values{}
	for name, all := range values {
		switch name {
		case "lang", "token", "cursor", "limit":
		default:
			if len(all) > 0 && all[0] != "" {
				query[name] = all
			}
		}
	}
	query.Set("format", "csv")
	return "/v1/leads?" + query.Encode()
}
