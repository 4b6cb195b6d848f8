package leads

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"leadstream/insight"
	"leadstream/leads/web"
	"leadstream/schemas"
)

// hotPage is what the hot list shows.
type hotPage struct {
	Leads         []Lead
	AsOf          time.Time
	Stages        []stageTab
	Sites, Tracks []string
	Several       bool   // one of the tracks is chosen, always
	All, Open     uint64 // leads there are, whatever the filters; those of them that are neither won nor lost
	OpenHref      string
	Form          url.Values
	Filtered      bool
	Faults        []string
	CSV, Next     string
	Stream        string
	DemoURL       string
}

// stageTab is a stage with its crowd and the address that shows it alone.
type stageTab struct {
	schemas.StageName
	Leads   uint64
	Href    string
	Current bool
}

// pageWords are parameters of pages that the API does not have.
var pageWords = []string{"lang"}

func (s *Service) pageHot(w http.ResponseWriter, r *http.Request) {
	form := formOf(r.URL.Query())
	p, faults := parseList(form, s.stagesOf(form), time.Now())
	p.WithoutExcluded = !slices.Contains(p.Grades, "X")
	p.WithoutClosed = len(p.Stages) == 0
	p.CSV, p.Limit = false, min(p.Limit, 200) // what a screen can move without a stutter
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	crowds, err := s.crowds(ctx)
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	page := hotPage{AsOf: p.AsOf, Form: form, Filtered: len(form) > 1 || len(form) == 1 && !form.Has("track"), Faults: faults, CSV: csvLink(form), DemoURL: s.deps.DemoURL, Stream: streamLink(form)}
	page.gather(crowds, s.stagesOf(form), s.trackNames())
	if len(faults) == 0 {
		next, _, err := s.list(ctx, p, filterMark(form), func(l Lead) error {
			page.Leads = append(page.Leads, l)
			return nil
		})
		if err == nil {
			err = s.fades(ctx, page.Leads)
		}
		if err != nil {
			s.failPage(w, r, err)
			return
		}
		if next != "" {
			page.Next = with(form, "cursor", next)
		}
	}
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	}
	s.metrics.rows.WithLabelValues("GET /{$}").Add(float64(len(page.Leads)))
	s.show(w, r, status, "hot", "hot", page)
}

// formOf drops what a form sends empty and what is not the list's own.
func formOf(values url.Values) url.Values {
	form := url.Values{}
	for name, all := range values {
		kept := slices.DeleteFunc(slices.Clone(all), func(v string) bool { return strings.TrimSpace(v) == "" })
		if len(kept) > 0 && !slices.Contains(pageWords, name) && name != "token" && name != "format" {
			form[name] = kept
		}
	}
	return form
}

// gather sums the crowds up to tabs and choices.
func (p *hotPage) gather(crowds []crowd, stages []schemas.StageName, tracks []string) {
	site, track := p.Form.Get("site"), p.Form.Get("track")
	inStage := map[string]uint64{}
	for _, c := range crowds {
		if track == "" || track == c.Track {
			p.All += c.Leads
		}
		if !slices.Contains(p.Sites, c.Site) {
			p.Sites = append(p.Sites, c.Site)
		}
		if len(tracks) < 2 && !slices.Contains(p.Tracks, c.Track) {
			p.Tracks = append(p.Tracks, c.Track)
		}
		if (site == "" || site == c.Site) && (track == "" || track == c.Track) {
			inStage[c.Stage] += c.Leads
		}
	}
	if len(tracks) > 1 { // of a track that is not scored any more nothing is shown
		p.Tracks, p.Several = tracks, true
	}
	p.OpenHref = with(p.Form, "stage", "")
	for _, stage := range stages {
		if !closed(stage.ID) {
			p.Open += inStage[stage.ID]
		}
		current := p.Form.Get("stage") == stage.ID
		to := stage.ID
		if current {
			to = "" // the tab again: all stages
		}
		p.Stages = append(p.Stages, stageTab{stage, inStage[stage.ID], with(p.Form, "stage", to), current})
	}
}

// closed stages end the path: nobody calls a lead that is won or lost.
func closed(stage string) bool { return stage == insight.StageWon || stage == insight.StageLost }

// with is the hot list's address with one parameter changed.
func with(form url.Values, name, value string) string { return address("/", form, name, value) }

// address is a page's address with one parameter changed; "" takes it away. Another filter begins at the first page.
func address(path string, form url.Values, name, value string) string {
	query := url.Values{}
	for n, all := range form {
		if n != "cursor" {
			query[n] = all
		}
	}
	query.Del(name)
	if value != "" {
		query.Set(name, value)
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// streamLink follows the leads of the list, as far as the stream can filter; the page's script does the rest.
func streamLink(form url.Values) string {
	query := url.Values{}
	for _, name := range []string{"site", "track"} {
		if v := form.Get(name); v != "" {
			query.Set(name, v)
		}
	}
	return "/v1/stream?" + query.Encode()
}

// leadPage is what one lead's page shows.
type leadPage struct {
	Lead     Lead
	Explain  schemas.Explanation
	Timeline []Moment
	More     bool
	Closed   bool
	Stages   []pathStep
	Traits   []trait
	Stream   string
}

// pathStep is a stage as seen from where the lead stands.
type pathStep struct {
	schemas.StageName
	Passed, Current bool
}

// pageTimeline is how many entries a page shows; the API has the rest.
const pageTimeline = 100

func (s *Service) pageLead(w http.ResponseWriter, r *http.Request) {
	id, err := schemas.ParseLeadID(r.PathValue("id"))
	if err != nil {
		s.failPage(w, r, errUnknownLead)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	track := r.URL.Query().Get("track")
	at := now()
	lead, raw, err := s.lead(ctx, recordQuery{id, track, s.firstTrack()}, at)
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	if lead.ID != id.String() { // joined to another one, until a person says otherwise
		http.Redirect(w, r, address("/leads/"+lead.ID, formOf(r.URL.Query()), "", ""), http.StatusFound)
		return
	}
	page := leadPage{Lead: lead, Closed: closed(lead.Stage.ID), Traits: traitsOf(lead.Traits), Stages: s.pathOf(lead), Stream: "/v1/stream?lead=" + lead.ID + "&track=" + url.QueryEscape(lead.Track)}
	if page.Explain, err = s.deps.Explain(raw, at); err != nil {
		s.failPage(w, r, err)
		return
	}
	var next *moment
	page.Timeline, next, err = s.timeline(ctx, timelineQuery{lead.Site, lead.Track, idsOfLead(lead), nil, pageTimeline})
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	page.More = next != nil
	s.metrics.rows.WithLabelValues("GET /leads/{id}").Inc()
	s.show(w, r, http.StatusOK, "lead", "", page)
}

// pathOf draws the path up to won; lost replaces won when the lead is.
func (s *Service) pathOf(lead Lead) []pathStep {
	var steps []pathStep
	stages := s.path(lead.Track)
	here := slices.IndexFunc(stages, func(n schemas.StageName) bool { return n.ID == lead.Stage.ID })
	for i, stage := range stages {
		if stage.ID == insight.StageLost && lead.Stage.ID != insight.StageLost || stage.ID == insight.StageWon && lead.Stage.ID == insight.StageLost {
			continue
		}
		steps = append(steps, pathStep{stage, i < here && lead.Stage.ID != insight.StageLost, i == here})
	}
	return steps
}

// show renders a page whole before the first byte is sent, so that a fault in a template is a 500 and not half a page.
func (s *Service) show(w http.ResponseWriter, r *http.Request, status int, name, active string, data any) {
	view := web.View{Lang: web.Choose(w, r), Active: active, Path: r.URL.Path, Query: r.URL.Query(), Guarded: s.door.guarded(), Data: data}
	var page bytes.Buffer
	if err := s.pages.Render(&page, name, view); err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // who has gone misses nothing
}
