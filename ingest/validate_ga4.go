package ingest

import (
	"encoding/json"
	"errors"
	"net/http"

	"leadstream/ingest/protocol"
)

type validationMessage struct {
	Description string          `json:"description"`
	Code        protocol.Reason `json:"validationCode"`
}

// validateGA4 is Google's debug address: it says what would be refused, and keeps nothing.
func validateGA4(s *Service, w http.ResponseWriter, r *http.Request) int {
	messages := []validationMessage{}
	say := func(f *protocol.Fault) { messages = append(messages, validationMessage{f.Detail, f.Reason}) }
	pass := s.pace.begin(r, s.now())
	pass.beacon = false // nothing is kept here
	if err := s.pace.address(&pass, s.proxies.clientIP(r)); err != nil {
		return collector{answer: answerJSON}.tell(s, w, refusedWith(err))
	}
	var h hold
	defer h.free()
	batch, err := collector{decode: protocol.GA4Measurement}.read(s, w, r, r.URL.Query(), &h)
	var refused *protocol.Fault
	if errors.As(err, &refused) {
		say(refused)
	}
	if _, known := s.sites.find(batch.WriteKey); err == nil && !known {
		say(fault(wrongKey, ""))
	}
	for i := range batch.Items {
		if f := batch.Items[i].Fault; f != nil && len(messages) < mostNamed {
			say(f)
		}
	}
	body, err := json.Marshal(map[string]any{"validationMessages": messages})
	if err != nil {
		return s.no(w, internalFault) // unreachable: texts in a list
	}
	return writeJSON(w, http.StatusOK, body)
}
