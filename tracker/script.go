package tracker

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Script is the tracker as the browser runs it.
//
//go:embed dist/tracker.js
var Script []byte

// Sites paste the tag once and never touch it again, so the name carries no version: an hour of cache, then
// one conditional request.
const scriptCache = "public, max-age=3600"

// Gzip is Script, compressed once, as hard as gzip can.
var Gzip = sync.OnceValue(func() []byte {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		panic(fmt.Sprintf("tracker: gzip level: %v", err)) // a constant of the standard library
	}
	_, _ = w.Write(Script) // a bytes.Buffer does not fail
	_ = w.Close()
	return packed.Bytes()
})

// ETag names this build of Script.
var ETag = sync.OnceValue(func() string {
	sum := sha256.Sum256(Script)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
})

// ScriptHandler serves Script to any site, for GET /tracker.js.
func ScriptHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", scriptCache)
		h.Set("Access-Control-Allow-Origin", "*") // for <script crossorigin integrity=...>
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Vary", "Accept-Encoding")
		h.Set("ETag", ETag())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		if strings.Contains(r.Header.Get("If-None-Match"), ETag()) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body := Script
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = Gzip()
		}
		h.Set("Content-Length", fmt.Sprint(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // the visitor left: nobody to tell
		}
	})
}
