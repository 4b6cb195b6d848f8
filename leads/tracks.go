package leads

import (
	"context"
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

// inTrack fills in the first track where several are scored and none is named; fault says that the one named is not
// known. Where one track is all that is scored, everything in the tables is shown, and may be asked for.
func (s *Service) inTrack(r *http.Request, pattern string) (to *http.Request, fault string, err error) {
	if len(s.deps.Tracks) == 0 || r.Method != http.MethodGet {
		return r, "", nil
	}
	values, known := r.URL.Query(), s.trackNames()
	asked := strings.TrimSpace(values.Get("track"))
	if asked != "" && len(known) == 1 && asked != known[0] {
		held, err := s.tracksHeld(r.Context())
		if err != nil {
			return nil, "", err
		}
		known = append(known, slices.DeleteFunc(held, func(name string) bool { return name == known[0] })...)
	}
	switch {
	case asked != "" && !slices.Contains(known, asked):
		return nil, fmt.Sprintf("track: %.40q is none of %s", asked, strings.Join(known, ", ")), nil
	case asked != "" || len(s.deps.Tracks) == 1 || !slices.Contains(ofOneTrack, pattern):
		return r, "", nil
	}
	values.Set("track", known[0])
	address := *r.URL
	address.RawQuery = values.Encode()
	r = r.Clone(r.Context())
	r.URL = &address
	return r, "", nil
}

// heldQuery asks which tracks have leads: also such that are not scored any more.
type heldQuery struct{}

func (heldQuery) sql() (string, []any) {
	return `SELECT arraySort(groupUniqArray(1000)(track))
FROM lead_state`, nil
}

func (s *Service) tracksHeld(ctx context.Context) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	text, args := heldQuery{}.sql()
	if err := s.deps.DB.QueryRow(ctx, text, args...).Scan(&names); err != nil {
		return nil, fmt.Errorf("list tracks: %w", err)
	}
	return names, nil
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
