package ingest

import "net/http"

// usualHeaders are what clients of all protocols were seen to send; they stand in when a preflight names none.
const usualHeaders = "Authorization, Content-Type, Content-Encoding, X-Write-Key, X-Retry-Count, AnonymousId"

// allowOrigin sets the headers that let a page see the answer. They are on every answer, refusals too: without them a browser
// client takes a 503 for a broken network and forgets Retry-After.
//
// The origin is reflected and not "*", because clients with credentials: include (RudderStack, Snowplow) get nothing through
// otherwise. That opens nothing: no cookie means anything here, and a site's own list of origins is held by admit.
func allowOrigin(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Vary"] = variesByOrigin
	origin := r.Header["Origin"]
	if len(origin) == 0 {
		return
	}
	h["Access-Control-Allow-Origin"] = origin[:1:1]
	h["Access-Control-Allow-Credentials"] = allowed
	h["Access-Control-Expose-Headers"] = exposed
}

// Lists that every answer shares. Header.Add copies them, since they are full; nobody writes into them.
var (
	variesByOrigin = []string{"Origin"}
	allowed        = []string{"true"}
	exposed        = []string{"Retry-After"}
)

// preflight answers OPTIONS, at every address: whether a request is welcome is said to the request itself.
func preflight(w http.ResponseWriter, r *http.Request) int {
	h := w.Header()
	asked := r.Header.Get("Access-Control-Request-Headers")
	if asked == "" {
		asked = usualHeaders
	}
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Headers", asked)
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	h.Set("Access-Control-Max-Age", "7200") // Chrome's ceiling
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true") // a public page under development, a collector on loopback
	}
	w.WriteHeader(http.StatusNoContent)
	return http.StatusNoContent
}
