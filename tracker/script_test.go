package tracker

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// The budget of the issue: 3.0 KB over the wire, with everything the tracker does.
const budget = 3 * 1024

func TestScriptKeepsItsBudget(t *testing.T) {
	if got := len(Gzip()); got > budget {
		t.Errorf("tracker.js is %d bytes gzipped, %d more than its budget of %d", got, got-budget, budget)
	}
	t.Logf("tracker.js: %d bytes, %d gzipped", len(Script), len(Gzip()))
}

func TestGzipIsTheScript(t *testing.T) {
	r, err := gzip.NewReader(bytes.NewReader(Gzip()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Script) {
		t.Error("what Gzip unpacks to is not Script")
	}
}

func serve(h http.Handler, method, path string, header http.Header) *http.Response {
	request := httptest.NewRequest(method, path, nil)
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder.Result()
}

func TestScriptHandler(t *testing.T) {
	cases := []struct {
		name, method string
		header       http.Header
		status       int
		encoding     string
		body         []byte
	}{
		{"plain", "GET", nil, 200, "", Script},
		{"packed", "GET", http.Header{"Accept-Encoding": {"br, gzip"}}, 200, "gzip", Gzip()},
		{"known", "GET", http.Header{"If-None-Match": {ETag()}}, 304, "", nil},
		{"known weakly", "GET", http.Header{"If-None-Match": {`"other", W/` + ETag()}}, 304, "", nil},
		{"outdated", "GET", http.Header{"If-None-Match": {`"0123456789abcdef"`}}, 200, "", Script},
		{"head", "HEAD", nil, 200, "", nil},
		{"post", "POST", nil, 405, "", []byte("GET or HEAD\n")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := serve(ScriptHandler(), c.method, "/tracker.js", c.header)
			body, _ := io.ReadAll(got.Body)
			if got.StatusCode != c.status || got.Header.Get("Content-Encoding") != c.encoding || !bytes.Equal(body, c.body) {
				t.Errorf("status %d, encoding %q, %d bytes; want %d, %q, %d",
					got.StatusCode, got.Header.Get("Content-Encoding"), len(body), c.status, c.encoding, len(c.body))
			}
			if got.Header.Get("Vary") != "Accept-Encoding" {
				t.Error("a cache would give the packed script to who cannot unpack it: no Vary: Accept-Encoding")
			}
			if got.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Error("a site that pins the script with integrity= could not load it")
			}
		})
	}
}
