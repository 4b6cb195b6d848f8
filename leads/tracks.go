package leads

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"leadstream/schemas"
)

// Track is one score that is kept of every lead: its name, and the path of its model.
type Track struct {
	Name   string
	Stages []schemas.StageName
}

// ofOneTrack are the routes that show one track: the one asked for, else the first.
var ofOneTrack = []string{"GET /v1/leads", "GET /v1/accounts", "GET /v1/funnel", "GET /v1/forecast", "GET /v1/stream", "GET /{$}", "GET /accounts", "GET /funnel"}

// inTrack fills in the first track where several are scored and none is named, and refuses one that is not scored.
// Where one track is all there is, everything in the tables is shown.
func (s *Service) inTrack(r *http.Request, pattern string) (*http.Request, error) {
	if len(s.deps.Tracks) < 2 || r.Method != http.MethodGet {
		return r, nil
	}
	values := r.URL.Query()
	asked := strings.TrimSpace(values.Get("track"))
	if asked != "" {
		if !slices.Contains(s.trackNames(), asked) {
			return nil, fmt.Errorf("track: %.40q is none of %s", asked, strings.Join(s.trackNames(), ", "))
		}
		return r, nil
	}
	if !slices.Contains(ofOneTrack, pattern) {
		return r, nil
	}
	values.Set("track", s.deps.Tracks[0].Name)
	to := *r.URL
	to.RawQuery = values.Encode()
	r = r.Clone(r.Context())
	r.URL = &to
	return r, nil
}

// firstTrack is "" where there are not several.
func (s *Service) firstTrack() string {
	if len(s.deps.Tracks) < 2 {
		return ""
	}
	return s.deps.Tracks[0].Name
}

func (s *Service) trackNames() (names []string) {
	for _, t := range s.deps.Tracks {
		names = append(names, t.Name)
	}
	return names
}

// stagesOf is the path of the track that a request names, and of all tracks where it names none.
func (s *Service) stagesOf(values url.Values) []schemas.StageName { return s.path(values.Get("track")) }

func (s *Service) path(track string) []schemas.StageName {
	for _, t := range s.deps.Tracks {
		if t.Name == track {
			return t.Stages
		}
	}
	return s.deps.Stages
}
