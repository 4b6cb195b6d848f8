package leads

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"leadstream/insight"
)

// funnelPage is what the funnel page shows.
type funnelPage struct {
	Funnel   insight.Funnel
	Forecast insight.Forecast
	Windows  []windowChoice
	Faults   []string

	// What the bars are drawn against.
	TopEntered, TopWins, TopValue float64
}

type windowChoice struct {
	Days    int
	Href    string
	Current bool
}

// windowDays are the choices of the funnel page.
var windowDays = []int{1, 7, 14, 30, 90}

func (s *Service) pageFunnel(w http.ResponseWriter, r *http.Request) {
	values := formOf(r.URL.Query())
	scope, faults := parseScope(values, s.stagesOf(values), now())
	if len(faults) > 0 {
		scope = insight.Scope{Stages: s.deps.Stages, At: now(), Window: insight.DefaultWindow}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	funnel, forecast, err := s.insights(ctx, scope)
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	page := funnelPage{Funnel: funnel, Forecast: forecast, Faults: faults}
	page.scale()
	for _, days := range windowDays {
		query := url.Values{"window": {(time.Duration(days) * 24 * time.Hour).String()}}
		for _, name := range []string{"site", "track"} {
			if v := values.Get(name); v != "" {
				query.Set(name, v)
			}
		}
		page.Windows = append(page.Windows, windowChoice{days, "/funnel?" + query.Encode(), scope.Window == time.Duration(days)*24*time.Hour})
	}
	s.show(w, r, http.StatusOK, "funnel", "funnel", page)
}

// scale finds the largest of each kind of bar.
func (p *funnelPage) scale() {
	for _, stage := range p.Funnel.Stages {
		p.TopEntered = max(p.TopEntered, float64(stage.Entered), float64(stage.Open))
	}
	for _, line := range append([]insight.StageForecast{p.Forecast.Total}, p.Forecast.Stages...) {
		if line.Wins != nil {
			p.TopWins = max(p.TopWins, line.Wins.P90, line.Wins.Mean)
		}
		if line.Value != nil {
			p.TopValue = max(p.TopValue, line.Value.P90, line.Value.Mean)
		}
	}
}
