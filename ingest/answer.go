package ingest

import (
	"encoding/json"
	"net/http"
	"strconv"

	"leadstream/ingest/protocol"
)

// outcome is how a request went.
type outcome struct {
	fault   *protocol.Fault // the whole request was refused
	refused []refusedEvent  // single events were, beside good ones
	kept    int
	reply   protocol.Reply // the form of answer that the request asked for
	trusted bool           // a server hears of every refused event: it may have a person who mends them
	wait    int64          // seconds until the sender may come again, when that is known
	thanked bool           // the sender is not to hear of the fault
}

type refusedEvent struct {
	Index   int             `json:"index"`
	Error   protocol.Reason `json:"error"`
	Message string          `json:"message"`
}

// status is what the table says.
func (o outcome) status() int {
	if o.fault == nil {
		return http.StatusOK
	}
	return refusals[o.fault.Reason].status
}

// answer writes an outcome in a protocol's words and returns the status.
type answer func(http.ResponseWriter, outcome) int

var success = []byte(`{"success":true}` + "\n")

// mostNamed bounds how many refused events an answer names: the first few tell a developer all there is to know.
const mostNamed = 10

func (o outcome) named() []refusedEvent {
	if o.trusted {
		return o.refused
	}
	return o.refused[:min(len(o.refused), mostNamed)]
}

// answerJSON is Segment's habit, and ours: {"success":true}, with the refused events of a batch beside it.
func answerJSON(w http.ResponseWriter, o outcome) int {
	status := o.status()
	if status != http.StatusOK {
		return refuse(w, o.fault)
	}
	if len(o.refused) == 0 {
		return writeJSON(w, status, success)
	}
	body, err := json.Marshal(struct {
		Success bool           `json:"success"`
		Count   int            `json:"refused_count"`
		Refused []refusedEvent `json:"refused"`
	}{true, len(o.refused), o.named()})
	if err != nil {
		body = success // unreachable: strings and numbers
	}
	return writeJSON(w, status, body)
}

// refuse is the one form of every no: a word for programs, a sentence for people.
func refuse(w http.ResponseWriter, f *protocol.Fault) int {
	known, ok := refusals[f.Reason]
	if !ok {
		known = refusals[internalFault] // unreachable: a test holds the table against its uses
	}
	if known.retry && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	body, err := json.Marshal(struct {
		Error   protocol.Reason `json:"error"`
		Message string          `json:"message"`
	}{f.Reason, f.Detail})
	if err != nil {
		body = []byte(`{"error":"internal"}`) // unreachable: two strings
	}
	return writeJSON(w, known.status, append(body, '\n'))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) int {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = lengthOf(body)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away has nobody to be told
	return status
}

// lengthOf is the header's value. The usual answer's is made once.
func lengthOf(body []byte) []string {
	if len(body) == len(success) {
		return successLength
	}
	return []string{strconv.Itoa(len(body))}
}

var (
	successLength = []string{strconv.Itoa(len(success))}

	jsonType = []string{"application/json"}
	gifType  = []string{"image/gif"}
	noStore  = []string{"no-store, must-revalidate"}
)

// gif is one transparent pixel, in 43 bytes.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// answerGIF shows the reader of a mail a pixel whatever happened; the status and X-Refused are for who looks closer.
func answerGIF(w http.ResponseWriter, o outcome) int {
	status := o.status()
	h := w.Header()
	if o.fault != nil {
		if o.fault.Reason == protocol.BadQuery {
			return refuse(w, o.fault)
		}
		h.Set("X-Refused", string(o.fault.Reason))
		if refusals[o.fault.Reason].retry && o.wait == 0 {
			h.Set("Retry-After", retryAfter)
		}
	}
	h["Content-Type"] = gifType
	h["Cache-Control"] = noStore
	w.WriteHeader(status)
	_, _ = w.Write(gif) // as above
	return status
}
