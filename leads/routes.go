package leads

import (
	"net/http"
	"strconv"
	"time"
)

// route is one line of the API's table.
type route struct {
	pattern string
	handle  func(http.ResponseWriter, *http.Request)
	// open routes ask for no token.
	open bool
	// page routes answer people: a stranger gets the login form in place of a JSON error.
	page bool
	// endless routes are not timed.
	endless bool
}

// table is every route there is; openapi.yaml describes those under /v1, and a test holds the two together.
func (s *Service) table() []route {
	return []route{
		{pattern: "GET /v1/leads", handle: s.getLeads},
		{pattern: "GET /v1/leads/{id}", handle: s.getLead},
		{pattern: "GET /v1/leads/{id}/timeline", handle: s.getTimeline},
		{pattern: "GET /v1/leads/{id}/explain", handle: s.getExplain},
		{pattern: "DELETE /v1/leads/{id}", handle: s.deleteLead},
		{pattern: "POST /v1/leads/{id}/merge", handle: s.sayIdentity(wordMerge)},
		{pattern: "POST /v1/leads/{id}/split", handle: s.sayIdentity(wordSplit)},
		{pattern: "POST /v1/leads/{id}/refuse", handle: s.sayIdentity(wordRefuse)},
		{pattern: "GET /v1/proposals", handle: s.getProposals},
		{pattern: "GET /v1/erasures/{request}", handle: s.getErasure},
		{pattern: "GET /v1/accounts", handle: s.getAccounts},
		{pattern: "GET /v1/funnel", handle: s.getFunnel},
		{pattern: "GET /v1/forecast", handle: s.getForecast},
		{pattern: "GET /v1/stream", handle: s.getStream, endless: true},
		{pattern: "GET /openapi.yaml", handle: s.getOpenAPI},
		{pattern: "GET /{$}", handle: s.pageHot, page: true},
		{pattern: "GET /leads/{id}", handle: s.pageLead, page: true},
		{pattern: "GET /accounts", handle: s.pageAccounts, page: true},
		{pattern: "GET /funnel", handle: s.pageFunnel, page: true},
		{pattern: "POST /login", handle: s.postLogin, open: true, page: true},
		{pattern: "GET /static/{file}", handle: s.pages.Static, open: true},
		{pattern: "/", handle: s.notFound, page: true},
	}
}

// routes puts the door, the headers and the metrics around every route.
func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.table() {
		mux.Handle(r.pattern, s.wrap(r))
	}
	return mux
}

func (s *Service) wrap(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		began := time.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		secure(w.Header())
		if !r.endless {
			// Bounds what a reader that stops reading can hold; streams bound each write themselves. Every server of ours can.
			_ = http.NewResponseController(w).SetWriteDeadline(began.Add(s.cfg.QueryTimeout + time.Minute))
		}
		s.admit(seen, req, r)
		s.metrics.requests.WithLabelValues(r.pattern, strconv.Itoa(seen.status)).Inc()
		if !r.endless {
			s.metrics.seconds.WithLabelValues(r.pattern).Observe(time.Since(began).Seconds())
		}
	})
}

// elsewhere keeps pages of other sites from changing anything through a reader's browser: on this machine no token is asked for.
var elsewhere = http.NewCrossOriginProtection()

// admit lets a request through the door, or sends it to the login.
func (s *Service) admit(w http.ResponseWriter, r *http.Request, to route) {
	switch {
	case elsewhere.Check(r) != nil:
		refuse(w, refusal{Word: "wrong_host", Message: "A page of another site asked the browser to do this; ask from the web app, or from a program."})
		return
	case to.open && s.door.guarded():
	case !s.door.admits(r):
		s.turnAway(w, r, to.page)
		return
	case to.page && r.Method == http.MethodGet && r.URL.Query().Has("token"):
		if s.door.greet(w, r, r.URL.Query().Get("token")) {
			http.Redirect(w, r, localPath(withoutToken(r.URL)), http.StatusSeeOther) // keep the secret out of the history
			return
		}
	}
	if to.open {
		to.handle(w, r)
		return
	}
	asked, fault, err := s.inTrack(r, to.pattern)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case fault != "":
		badParameters(w, []string{fault})
	default:
		to.handle(w, asked)
	}
}

// secure sets what every answer carries. Scripts and styles come from our own files only, so that text from a visitor cannot
// run even if an escape were forgotten.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // leads are personal data; static files say otherwise themselves
}

// statusWriter remembers the status for the metrics.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
