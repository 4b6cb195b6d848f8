package ingest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// header is Header.Get for a name that is written in canonical form: with a dozen of them a request, Get's search for that form
// costs as much as decoding half of an event. TestHeadersAreWrittenCanonically holds every use.
func header(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// queries remembers the parsed queries of addresses that pages send to again and again. What it hands out is shared: decoders
// read it only.
type queries struct {
	mu    sync.RWMutex
	known map[string]url.Values
}

// mostQueries and longestQuery bound the memory to about 2 MB. Later ones are parsed each time: a pixel's is never asked twice, and
// is longer than this.
const (
	mostQueries  = 1024
	longestQuery = 128
)

func newQueries() *queries { return &queries{known: map[string]url.Values{}} }

func (q *queries) parse(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	q.mu.RLock()
	values, ok := q.known[raw]
	q.mu.RUnlock()
	if ok {
		return values, nil
	}
	raw = strings.Clone(raw)
	values, err := url.ParseQuery(raw)
	if err == nil && len(raw) <= longestQuery {
		q.mu.Lock()
		defer q.mu.Unlock()
		if len(q.known) < mostQueries {
			q.known[raw] = values
		}
	}
	return values, err
}
