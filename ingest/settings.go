package ingest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// segmentSettings is what analytics.js asks its CDN for before it sends anything: with it the stock snippet works when only
// its addresses are changed.
type segmentSettings struct {
	Integrations map[string]segmentTarget `json:"integrations"`
	Plan         any                      `json:"plan"`
	Edge         struct{}                 `json:"edgeFunction"`
	Metrics      map[string]int           `json:"metrics"`
}

type segmentTarget struct {
	APIKey   string            `json:"apiKey"`
	APIHost  string            `json:"apiHost"`
	Protocol string            `json:"protocol"`
	Version  map[string]string `json:"versionSettings"`
}

// settings answers GET /v1/projects/{KEY}/settings. The key is a page's, public by nature.
func settings(s *Service, w http.ResponseWriter, r *http.Request) int {
	key, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/projects/"), "/settings")
	if !ok || strings.Contains(key, "/") {
		return s.no(w, notFound)
	}
	if g, known := s.sites.public[key]; !known || g.revoked {
		return s.no(w, wrongKey)
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	body, err := json.Marshal(segmentSettings{
		Integrations: map[string]segmentTarget{"Segment.io": {
			APIKey: key, APIHost: r.Host + "/v1", Protocol: scheme, Version: map[string]string{"version": "4.4.7"},
		}},
		Plan:    map[string]any{"track": map[string]any{"__default": map[string]any{"enabled": true}}},
		Metrics: map[string]int{"sampleRate": 0}, // analytics.js' telemetry about itself: off
	})
	if err != nil {
		return s.no(w, internalFault) // unreachable: strings in maps
	}
	return writeJSON(w, http.StatusOK, body)
}
