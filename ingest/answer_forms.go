package ingest

import (
	"fmt"
	"net/http"

	"leadstream/ingest/protocol"
)

var textType = []string{"text/plain; charset=utf-8"}

// answerFixed is a protocol whose yes is always the same few bytes. A no is ours: clients look at its status only.
func answerFixed(status int, kind []string, body string) answer {
	return func(w http.ResponseWriter, o outcome) int {
		if o.fault != nil && o.status() != http.StatusOK {
			return refuse(w, o.fault)
		}
		if kind != nil {
			w.Header()["Content-Type"] = kind
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that went away has nobody to be told
		return status
	}
}

// answerMatomo is an image, nothing, or the count of a bulk: the request has said which.
func answerMatomo(w http.ResponseWriter, o outcome) int {
	switch {
	case o.reply == protocol.ReplyFull && (o.fault == nil || o.status() == http.StatusOK):
		return writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"status":"success","tracked":%d,"invalid":%d}`, o.kept, len(o.refused)))
	case o.reply == protocol.ReplyEmpty && (o.fault == nil || o.status() == http.StatusOK):
		w.WriteHeader(http.StatusNoContent)
		return http.StatusNoContent
	case o.reply != protocol.ReplyUsual:
		return refuse(w, o.fault)
	}
	return answerGIF(w, o)
}

// answerMixpanel is 1, or the same in JSON for who asked for it: its server libraries compare byte for byte.
func answerMixpanel(w http.ResponseWriter, o outcome) int {
	if o.reply == protocol.ReplyFull {
		return answerFixed(http.StatusOK, jsonType, `{"status":1,"error":null}`)(w, o)
	}
	return answerFixed(http.StatusOK, textType, "1")(w, o)
}

// answerPlausible is 202 and ok; what was taken and not kept is marked as Plausible marks it.
func answerPlausible(w http.ResponseWriter, o outcome) int {
	if o.kept == 0 {
		w.Header().Set("X-Plausible-Dropped", "1")
	}
	return answerFixed(http.StatusAccepted, textType, "ok")(w, o)
}
