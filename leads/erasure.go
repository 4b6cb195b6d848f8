package leads

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"leadstream/leads/erase"
	"leadstream/schemas"
)

// erasureAnswer is what is said of an erasure, by DELETE /v1/leads/{id} and GET /v1/erasures/{request}.
type erasureAnswer struct {
	RequestID string           `json:"request_id"`
	Finished  bool             `json:"finished"`
	Evidence  []erase.Evidence `json:"evidence"`
	// Where to ask again.
	URL string `json:"url"`
}

// deleteLead accepts an erasure. 202: it is on disk and will be finished; the answer's url tells when it is.
func (s *Service) deleteLead(w http.ResponseWriter, r *http.Request) {
	read := &reader{values: r.URL.Query()}
	read.only([]string{"token"})
	if len(read.faults) > 0 {
		badParameters(w, read.faults)
		return
	}
	id, err := schemas.ParseLeadID(r.PathValue("id"))
	if err != nil {
		refuse(w, refusal{Word: "unknown_lead", Message: "No lead has this id: " + err.Error() + "."})
		return
	}
	if s.deps.Eraser == nil {
		refuse(w, refusal{Word: "unavailable", Message: "This server was started without a broker, so it cannot erase: the scoring worker would not hear of it."})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	request, err := s.deps.Eraser.Ask(ctx, id.String(), s.door.who(r))
	if errors.Is(err, erase.ErrUnknown) {
		err = errUnknownLead
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	url := "/v1/erasures/" + request.ID
	w.Header().Set("Location", url)
	writeJSON(w, http.StatusAccepted, erasureAnswer{RequestID: request.ID, Evidence: []erase.Evidence{}, URL: url})
}

func (s *Service) getErasure(w http.ResponseWriter, r *http.Request) {
	read := &reader{values: r.URL.Query()}
	read.only([]string{"token"})
	if len(read.faults) > 0 {
		badParameters(w, read.faults)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	id := r.PathValue("request")
	open := s.deps.Eraser != nil && s.deps.Eraser.Open(id)
	evidence, err := erase.Read(ctx, s.deps.DB, id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !open && len(evidence) == 0 {
		refuse(w, refusal{Word: "unknown_request", Message: "No erasure has this id, or another leads process took it a moment ago and has not written its first evidence."})
		return
	}
	writeJSON(w, http.StatusOK, erasureAnswer{RequestID: id, Finished: erase.Finished(evidence), Evidence: evidence, URL: r.URL.Path})
}

// who names the asker in evidence: by a digest of the token, so that the row does not let anybody in.
func (d *door) who(r *http.Request) string {
	if !d.guarded() {
		return "this machine"
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = r.URL.Query().Get("token")
	}
	if cookie, err := r.Cookie(sessionCookie); token == "" && err == nil {
		for i, session := range d.sessions {
			if session == cookie.Value {
				token = d.tokens[i]
			}
		}
	}
	sum := sha256.Sum256([]byte(token))
	return "token " + hex.EncodeToString(sum[:4])
}
