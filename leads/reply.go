package leads

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"go.uber.org/zap"
)

// refusal is an answer that says no: one word for programs, one sentence for people.
type refusal struct {
	Word    string   `json:"error"`
	Message string   `json:"message"`
	Faults  []string `json:"faults,omitempty"`
}

// The words, each with its one status.
var statusOf = map[string]int{
	"bad_parameters":  http.StatusBadRequest,
	"unauthorized":    http.StatusUnauthorized,
	"wrong_host":      http.StatusForbidden,
	"unknown_lead":    http.StatusNotFound,
	"unknown_request": http.StatusNotFound,
	"unknown_id":      http.StatusConflict,
	"same_lead":       http.StatusConflict,
	"other_site":      http.StatusConflict,
	"not_joined":      http.StatusConflict,
	"joined":          http.StatusConflict,
	"unknown_path":    http.StatusNotFound,
	"bad_method":      http.StatusMethodNotAllowed,
	"too_slow":        http.StatusGatewayTimeout,
	"busy":            http.StatusServiceUnavailable,
	"unavailable":     http.StatusServiceUnavailable,
	"broken":          http.StatusInternalServerError,
}

func refuse(w http.ResponseWriter, r refusal) {
	writeJSON(w, statusOf[r.Word], r)
}

func badParameters(w http.ResponseWriter, faults []string) {
	refuse(w, refusal{Word: "bad_parameters", Message: "The request has parameters that cannot be used: " + strings.Join(faults, "; ") + ".", Faults: faults})
}

// writeJSON sends a value. A failed write means that the reader has gone, and nobody is left to tell.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
}

// refusalOf turns an error of a handler into an answer, and logs those that an operator must see.
func (s *Service) refusalOf(r *http.Request, err error) refusal {
	if no, ok := wordRefusal(err); ok {
		return no
	}
	switch {
	case errors.Is(err, errUnknownLead):
		return refusal{Word: "unknown_lead", Message: "No lead has this id; it may have been erased, or its first event is still on the way."}
	case errors.Is(err, context.DeadlineExceeded):
		s.log.Warn("a question took too long", zap.String("path", r.URL.Path), zap.Error(err))
		return refusal{Word: "too_slow", Message: "The answer took longer than leads.query_timeout; ask for less, or raise it."}
	case s.deps.DB.Ping(r.Context()) != nil:
		s.log.Error("clickhouse does not answer", zap.String("path", r.URL.Path), zap.Error(err))
		return refusal{Word: "unavailable", Message: "ClickHouse does not answer; try again in a moment."}
	default:
		s.log.Error("a request failed", zap.String("path", r.URL.Path), zap.Error(err))
		return refusal{Word: "broken", Message: "The server could not answer; its log says why."}
	}
}

// fail answers an API request whose handler failed. Who has gone gets no answer, and is no fault.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil || errors.Is(err, errSend) {
		return
	}
	refuse(w, s.refusalOf(r, err))
}

// turnAway answers a stranger.
func (s *Service) turnAway(w http.ResponseWriter, r *http.Request, page bool) {
	if !s.door.guarded() {
		refuse(w, refusal{Word: "wrong_host", Message: "Without a token this server answers only to localhost, and not through a proxy; open http://" + s.Addr() + "/ or set leads.tokens."})
		return
	}
	if page {
		s.showLogin(w, r, r.URL.Query().Has("token"), localPath(withoutToken(r.URL)))
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="leadstream"`)
	refuse(w, refusal{Word: "unauthorized", Message: "This needs a token: send Authorization: Bearer <token>, or ?token=<token>."})
}

// notFound answers every path that is no route. The mux sends wrong methods of known paths here as well.
func (s *Service) notFound(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, refusal{Word: "bad_method", Message: "This path does not take " + r.Method + "; /openapi.yaml lists what there is."})
		return
	}
	if strings.HasPrefix(r.URL.Path, "/v1/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		refuse(w, refusal{Word: "unknown_path", Message: "There is nothing at this path; /openapi.yaml lists what there is."})
		return
	}
	s.showProblem(w, r, refusal{Word: "unknown_path"})
}
