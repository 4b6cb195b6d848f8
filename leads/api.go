package leads

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"leadstream/insight"
	"leadstream/schemas"
)

// listAnswer is GET /v1/leads.
type listAnswer struct {
	AsOf  time.Time `json:"as_of"`
	Leads []Lead    `json:"leads"`
	// Where the next page begins; empty at the end.
	NextCursor string `json:"next_cursor"`
}

func (s *Service) getLeads(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	if values.Get("format") == "" && wantsCSV(r) {
		values.Set("format", "csv")
	}
	p, faults := parseList(values, s.stagesOf(values), time.Now())
	if len(faults) > 0 {
		badParameters(w, faults)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	mark := filterMark(values)
	if p.CSV {
		s.sendCSV(ctx, w, r, p, mark)
		return
	}
	answer := listAnswer{AsOf: p.AsOf, Leads: []Lead{}}
	next, n, err := s.list(ctx, p, mark, func(l Lead) error {
		answer.Leads = append(answer.Leads, l)
		return nil
	})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer.NextCursor = next
	s.metrics.rows.WithLabelValues("GET /v1/leads").Add(float64(n))
	writeJSON(w, http.StatusOK, answer)
}

// wantsCSV tells whether the client asked for CSV and not for JSON in its Accept header.
func wantsCSV(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "text/csv") && !strings.Contains(accept, "json")
}

// leadRequest reads what the three routes below one lead have in common.
func (s *Service) leadRequest(w http.ResponseWriter, r *http.Request, more ...string) (recordQuery, *reader, bool) {
	read := &reader{values: r.URL.Query()}
	read.only(append(more, "track", "token"))
	q := recordQuery{Track: read.text("track"), First: s.firstTrack()}
	if len(read.faults) > 0 {
		badParameters(w, read.faults)
		return q, nil, false
	}
	id, err := schemas.ParseLeadID(r.PathValue("id"))
	if err != nil {
		refuse(w, refusal{Word: "unknown_lead", Message: "No lead has this id: " + err.Error() + "."})
		return q, nil, false
	}
	q.ID = id
	return q, read, true
}

func (s *Service) getLead(w http.ResponseWriter, r *http.Request) {
	q, _, ok := s.leadRequest(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	at := now()
	lead, _, err := s.lead(ctx, q, at)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	lead.Fade = nil
	w.Header().Set("Content-Location", "/v1/leads/"+lead.ID) // of an id that was joined: where it leads
	s.metrics.rows.WithLabelValues("GET /v1/leads/{id}").Inc()
	writeJSON(w, http.StatusOK, struct {
		AsOf time.Time `json:"as_of"`
		Lead Lead      `json:"lead"`
	}{at, lead})
}

func (s *Service) getExplain(w http.ResponseWriter, r *http.Request) {
	q, _, ok := s.leadRequest(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	raw, _, _, err := s.record(ctx, q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	explanation, err := s.deps.Explain(raw, now())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, explanation)
}

// timelineAnswer is GET /v1/leads/{id}/timeline.
type timelineAnswer struct {
	Timeline   []Moment `json:"timeline"`
	NextCursor string   `json:"next_cursor"`
}

const maxTimeline = 500

func (s *Service) getTimeline(w http.ResponseWriter, r *http.Request) {
	q, read, ok := s.leadRequest(w, r, "limit", "cursor")
	if !ok {
		return
	}
	limit := read.number("limit", 50, 1, maxTimeline)
	after := read.moment()
	if len(read.faults) > 0 {
		badParameters(w, read.faults)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	_, record, _, err := s.record(ctx, q) // the site, and a 404 for those who have none
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page, next, err := s.timeline(ctx, timelineQuery{record.GetSite(), record.GetTrack(), idsOf(record), after, limit})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer := timelineAnswer{Timeline: page}
	if next != nil {
		answer.NextCursor = seal(next)
	}
	s.metrics.rows.WithLabelValues("GET /v1/leads/{id}/timeline").Add(float64(len(page)))
	writeJSON(w, http.StatusOK, answer)
}

// moment reads a timeline's cursor.
func (r *reader) moment() *moment {
	text := r.values.Get("cursor")
	if text == "" {
		return nil
	}
	var after moment
	if err := unseal(text, &after); err != nil || !plausible(after.At) || after.Kind > 1 {
		r.fault("cursor: %s; start again without it", errCursor)
		return nil
	}
	return &after
}

// parseScope reads the parameters of funnel and forecast.
func parseScope(values url.Values, stages []schemas.StageName, at time.Time, words ...string) (insight.Scope, []string) {
	r := &reader{values: values}
	r.only(append(words, "site", "track", "window", "token"))
	scope := insight.Scope{Site: r.text("site"), Track: r.text("track"), Stages: stages, At: at, Window: insight.DefaultWindow}
	if text := r.text("window"); text != "" {
		window, ok := parseBack(text)
		if !ok || window > 5*365*24*time.Hour {
			r.fault("window: must be a time such as 7d or 12h, at most 5 years (got %.40q)", text)
		}
		scope.Window = window
	}
	return scope, r.faults
}

func (s *Service) getFunnel(w http.ResponseWriter, r *http.Request) {
	s.answerInsight(w, r, func(ctx context.Context, scope insight.Scope) (any, error) {
		counts, err := insight.Counts(ctx, s.deps.DB, scope)
		if err != nil {
			return nil, err
		}
		return insight.NewFunnel(scope, counts), nil
	})
}

func (s *Service) getForecast(w http.ResponseWriter, r *http.Request) {
	s.answerInsight(w, r, func(ctx context.Context, scope insight.Scope) (any, error) {
		_, forecast, err := s.insights(ctx, scope)
		return forecast, err
	})
}

// insights are the funnel and the forecast over the same counts.
func (s *Service) insights(ctx context.Context, scope insight.Scope) (insight.Funnel, insight.Forecast, error) {
	counts, err := insight.Counts(ctx, s.deps.DB, scope)
	if err != nil {
		return insight.Funnel{}, insight.Forecast{}, err
	}
	deals, err := insight.WonDeals(ctx, s.deps.DB, scope)
	if err != nil {
		return insight.Funnel{}, insight.Forecast{}, err
	}
	return insight.NewFunnel(scope, counts), insight.NewForecast(scope, counts, deals), nil
}

func (s *Service) answerInsight(w http.ResponseWriter, r *http.Request, ask func(context.Context, insight.Scope) (any, error)) {
	scope, faults := parseScope(r.URL.Query(), s.stagesOf(r.URL.Query()), now())
	if len(faults) > 0 {
		badParameters(w, faults)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	answer, err := ask(ctx, scope)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Service) getOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	_, _ = w.Write(schemas.OpenAPI)
}

// now is the instant of an answer, in the milliseconds that the tables keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
