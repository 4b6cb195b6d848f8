package ingest

import (
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"leadstream/ingest/protocol"
)

// route is one address. A path that ends in / takes all below it.
type route struct {
	method   string // GET, POST, or "GET, POST"; GET takes HEAD too
	path     string
	protocol string // label of its metrics
	about    string // for GET /
	serve    func(*Service, http.ResponseWriter, *http.Request) int
}

func (r route) takes(method string) bool {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return (method == http.MethodGet || method == http.MethodPost) && strings.Contains(r.method, method)
}

// staticRoutes are handlers that the roof brings along: the tracker's script, the demo site.
func staticRoutes(handlers map[string]http.Handler) []route {
	var list []route
	for _, path := range slices.Sorted(maps.Keys(handlers)) {
		handler := handlers[path]
		list = append(list, route{"GET", path, "static", "files", func(_ *Service, w http.ResponseWriter, r *http.Request) int {
			seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
			handler.ServeHTTP(seen, r)
			return seen.status
		}})
	}
	return list
}

// statusWriter remembers what a foreign handler answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// router finds a path's route: the exact one, else the longest that the path lies below.
type router struct {
	exact map[string]route
	below []route
}

func newRouter(list []route) router {
	t := router{exact: map[string]route{}}
	for _, r := range list {
		t.exact[r.path] = r
		if strings.HasSuffix(r.path, "/") && r.path != "/" {
			t.below = append(t.below, r)
		}
	}
	return t
}

func (t router) find(path string) (route, bool) {
	if r, ok := t.exact[path]; ok {
		return r, true
	}
	var best route
	for _, r := range t.below {
		if strings.HasPrefix(path, r.path) && len(r.path) > len(best.path) {
			best = r
		}
	}
	if best.path == "" && snowplowPath(path) {
		best = t.exact[snowplowEvents]
	}
	return best, best.path != ""
}

// takesEvents tells whether POSTs to a path are a collector's: package front may serve them. Hooks and files are not among them.
func (t router) takesEvents(path string) bool {
	r, ok := t.exact[path]
	return ok && r.takes(http.MethodPost)
}

// ServeHTTP answers every request of the collectors' port, counts it, and survives it.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	s.metrics.inFlight.Inc()
	name, status := "other", http.StatusInternalServerError
	defer func() {
		if panicked := recover(); panicked != nil {
			s.log.Error("a request made the collector panic; please report this",
				zap.String("path", r.URL.Path), zap.Any("panic", panicked), zap.ByteString("stack", debug.Stack()))
			status = s.no(w, internalFault)
		}
		s.metrics.inFlight.Dec()
		s.metrics.answered(name, status, began)
	}()
	allowOrigin(w, r)
	found, ok := s.router.find(r.URL.Path)
	if ok {
		name = found.protocol
	}
	switch {
	case r.Method == http.MethodOptions:
		status = preflight(w, r)
	case !ok:
		status = s.no(w, notFound)
	case found.method != anyMethod && !found.takes(r.Method):
		w.Header().Set("Allow", found.method+", OPTIONS")
		status = s.no(w, wrongMethod)
	default:
		status = found.serve(s, w, r)
	}
}

// no refuses a request that no collector has seen.
func (s *Service) no(w http.ResponseWriter, reason protocol.Reason) int {
	s.metrics.refuse(reason)
	return refuse(w, fault(reason, ""))
}

// index lists what there is, for who opens the address in a browser.
func index(s *Service, w http.ResponseWriter, _ *http.Request) int {
	var page strings.Builder
	page.WriteString("leadstream collectors\n\n")
	for _, r := range s.routes {
		fmt.Fprintf(&page, "%-9s %-40s %s\n", r.method, r.path, r.about)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(page.String())) // nobody to tell
	return http.StatusOK
}
