package leads

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"leadstream/schemas"
)

// identityAnswer is what is said of a word on two ids.
type identityAnswer struct {
	Word identityWord `json:"word"`
	Done bool         `json:"done"` // it was so already, and nothing was told
	// The lead that stays, or that an id is taken off, and the other id.
	LeadID  string    `json:"lead_id"`
	OtherID string    `json:"other_id"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Message string    `json:"message"`
	// Where to look.
	URL string `json:"url"`
}

const (
	maxWordBody = 16 << 10
	maxBy       = 100 // characters
	maxWhy      = 500
)

// identityBody is the JSON of a word.
type identityBody struct {
	Lead string `json:"lead"`
	Why  string `json:"why"`
	By   string `json:"by"`
}

// read names every fault of the body.
func (b *identityBody) read(from io.Reader) (other schemas.LeadID, faults []string) {
	text, err := io.ReadAll(io.LimitReader(from, maxWordBody+1))
	if err != nil || len(text) > maxWordBody {
		return other, []string{fmt.Sprintf("body: must be a JSON object of at most %d bytes", maxWordBody)}
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(b); err != nil || dec.More() {
		return other, []string{`body: must be one JSON object with "lead" and, if you like, "why" and "by"`}
	}
	return b.check()
}

func (b *identityBody) check() (other schemas.LeadID, faults []string) {
	other, err := schemas.ParseLeadID(strings.ToLower(strings.TrimSpace(b.Lead)))
	if err != nil {
		faults = append(faults, fmt.Sprintf("lead: %v", err))
	}
	for name, t := range map[string]struct {
		text *string
		most int
	}{"why": {&b.Why, maxWhy}, "by": {&b.By, maxBy}} {
		*t.text = strings.TrimSpace(*t.text)
		if n := utf8.RuneCountInString(*t.text); n > t.most || !utf8.ValidString(*t.text) {
			faults = append(faults, fmt.Sprintf("%s: must be UTF-8 text of at most %d characters (got %d)", name, t.most, n))
		}
	}
	return other, faults
}

// sayIdentity answers POST /v1/leads/{id}/merge, split and refuse. 202: the owners of the ids are told, and it is a fact in a
// moment; 200: it is one already.
func (s *Service) sayIdentity(word identityWord) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		query := &reader{values: r.URL.Query()}
		query.only([]string{"token"})
		id, err := schemas.ParseLeadID(r.PathValue("id"))
		if err != nil {
			refuse(w, refusal{Word: "unknown_lead", Message: "No lead has this id: " + err.Error() + "."})
			return
		}
		var body identityBody
		other, faults := body.read(r.Body)
		if faults = append(query.faults, faults...); len(faults) > 0 {
			badParameters(w, faults)
			return
		}
		answer, err := s.say(r, word, id, other, body)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Location", answer.URL)
		status := http.StatusAccepted
		if answer.Done {
			status = http.StatusOK
		}
		writeJSON(w, status, answer)
	}
}

// say decides and tells.
func (s *Service) say(r *http.Request, word identityWord, id, other schemas.LeadID, body identityBody) (identityAnswer, error) {
	if s.deps.Owners == nil {
		return identityAnswer{}, senseless("unavailable", "This server was started without a broker, so the scoring worker would not hear of it.")
	}
	by := s.door.who(r)
	if body.By != "" {
		by = body.By + " (" + by + ")"
	}
	said := said{by, body.Why, now()}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.QueryTimeout)
	defer cancel()
	d, err := s.decide(ctx, word, id, other, said)
	if err != nil {
		return identityAnswer{}, err
	}
	lead, otherID := uuidText(d.lead.GetLeadId()), uuidText(d.other.GetLeadId())
	answer := identityAnswer{Word: word, Done: d.already, LeadID: lead, OtherID: otherID, By: by, At: said.at, Message: d.sentence(), URL: "/v1/leads/" + lead}
	if d.already {
		return answer, nil
	}
	if _, err := s.deps.Owners.Tell(ctx, d.letters...); err != nil {
		s.log.Error("a person's word was not told", zap.String("word", string(word)), zap.Error(err))
		return identityAnswer{}, senseless("unavailable", "The broker does not answer, so it is not known whether the scoring worker heard of it; say it again in a moment, which does no harm.")
	}
	return answer, nil
}

// sentence is what happens now, for people.
func (d decision) sentence() string {
	lead, other := uuidText(d.lead.GetLeadId()), uuidText(d.other.GetLeadId())
	switch {
	case d.word == wordMerge && d.already:
		return fmt.Sprintf("%s is part of lead %s already.", other, lead)
	case d.word == wordMerge:
		return fmt.Sprintf("Within a second %s becomes part of lead %s, with the score of all their events together; its id then leads there.", other, lead)
	case d.already:
		return fmt.Sprintf("%s and %s are two leads already, and a person has said so.", other, lead)
	case d.word == wordSplit:
		return fmt.Sprintf("Within a second %s leaves lead %s, and both have the scores of their own events.", other, lead)
	}
	return fmt.Sprintf("%s and %s stay two leads and are not proposed again.", other, lead)
}

// wordRefusal is an errWord as an answer.
func wordRefusal(err error) (refusal, bool) {
	var e errWord
	if errors.As(err, &e) {
		return e.refusal, true
	}
	return refusal{}, false
}
