package ingest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/ingest/protocol"
	"leadstream/schemas"
)

func packed(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	_, err := zw.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	return out.String()
}

// refusedWithWord holds an answer against the table: its status, its word, a sentence, CORS and Retry-After.
func refusedWithWord(t *testing.T, answer *http.Response, body string, reason protocol.Reason) {
	t.Helper()
	require.Equal(t, refusals[reason].status, answer.StatusCode, body)
	require.Contains(t, body, fmt.Sprintf(`{"error":%q,"message":"`, reason))
	require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	require.Equal(t, refusals[reason].retry, answer.Header.Get("Retry-After") != "")
	if origin := answer.Request.Header.Get("Origin"); origin != "" {
		require.Equal(t, origin, answer.Header.Get("Access-Control-Allow-Origin"), "a page must be able to read a refusal")
	}
}

func TestRefusals(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	good := `{"type":"page","anonymous_id":"a"}`
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		want                     protocol.Reason
	}{
		{"not JSON", "POST", "/v1/events?key=demo", "hello", nil, protocol.BadJSON},
		{"empty", "POST", "/v1/events?key=demo", "", nil, protocol.BadJSON},
		{"no events", "POST", "/v1/events?key=demo", `{"events":[]}`, nil, protocol.NoEvents},
		{"no key", "POST", "/v1/events", good, nil, noKey},
		{"wrong key", "POST", "/v1/events?key=nobody", good, nil, wrongKey},
		{"wrong key in the body", "POST", "/v1/track", `{"writeKey":"x","userId":"u"}`, nil, wrongKey},
		{"secret in the address", "POST", "/v1/events?key=demo-secret", good, nil, secretInURL},
		{"foreign page", "POST", "/v1/events?key=shop", good, []string{"Origin", "https://evil.example"}, originRefused},
		{"nothing there", "POST", "/v2/events?key=demo", good, nil, notFound},
		{"nothing there, GET", "GET", "/favicon.ico", "", nil, notFound},
		{"wrong method", "GET", "/v1/events?key=demo", "", nil, wrongMethod},
		{"wrong method for a pixel", "POST", "/v1/pixel.gif", "", nil, wrongMethod},
		{"DELETE", "DELETE", "/v1/track", "", nil, wrongMethod},
		{"too large", "POST", "/v1/events?key=demo", strings.Repeat(" ", 4<<20+1), nil, bodyTooLarge},
		{"bomb", "POST", "/v1/events?key=demo", packed(t, strings.Repeat(" ", 21<<20)), nil, bodyTooLarge},
		{"half a gzip", "POST", "/v1/events?key=demo", packed(t, good)[:20], nil, badGzip},
		{"gzip's first bytes", "POST", "/v1/events?key=demo", "\x1f\x8bnot at all", nil, badGzip},
		{"unknown type", "POST", "/v1/events?key=demo", `{"type":"purchase","anonymous_id":"a"}`, nil, unknownType},
		{"nobody", "POST", "/v1/events?key=demo", `{"type":"page"}`, nil, noID},
		{"long id", "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"` + strings.Repeat("ü", 257) + `"}`, nil, idTooLong},
		{"crm from a page", "POST", "/v1/events?key=demo", `{"type":"crm","user_id":"u"}`, nil, secretKeyNeeded},
		{"market from a page", "POST", "/v1/events?key=demo", `{"type":"market","user_id":"u"}`, nil, secretKeyNeeded},
		{"not an object", "POST", "/v1/events?key=demo", `[7]`, nil, protocol.NotAnObject},
		{"properties", "POST", "/v1/events?key=demo", `[{"type":"page","anonymous_id":"a","properties":[]}]`, nil, protocol.BadProperties},
		{"large event", "POST", "/v1/events?key=demo", `[{"type":"page","anonymous_id":"` + strings.Repeat("x", 33<<10) + `"}]`, nil, protocol.TooLarge},
		{"bad query", "GET", "/v1/pixel.gif?key=%zz", "", nil, protocol.BadQuery},
		{"settings of nobody", "GET", "/v1/projects/nobody/settings", "", nil, wrongKey},
		{"settings of a secret", "GET", "/v1/projects/demo-secret/settings", "", nil, wrongKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := f.value(t, "leadstream_ingest_refused_total", "reason", string(c.want))
			answer, body := f.ask(t, c.method, c.path, c.body, append(c.headers, "X-Test", "1")...)
			refusedWithWord(t, answer, body, c.want)
			require.Equal(t, before+1, f.value(t, "leadstream_ingest_refused_total", "reason", string(c.want)), "one no, one count")
		})
	}
	events, _ := stored(t, opts)
	require.Empty(t, events)
}

func TestOneBadEventNeverCostsTheGoodOnes(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	answer, body := f.ask(t, "POST", "/v1/batch", `{"writeKey":"demo","batch":[
		{"type":"track","userId":"u","event":"A","messageId":"g1"},
		{"type":"track","userId":"u","event":"B","messageId":"b1","properties":[1]},
		"what",
		{"type":"page","messageId":"b2"},
		{"type":"page","anonymousId":"a","messageId":"g2"}]}`)
	require.Equal(t, 200, answer.StatusCode)
	require.JSONEq(t, `{"success":true,"refused_count":3,"refused":[
		{"index":1,"error":"bad_properties","message":"properties must be a JSON object"},
		{"index":2,"error":"not_an_object","message":"an event must be a JSON object"},
		{"index":3,"error":"no_id","message":"`+refusals[noID].says+`"}]}`, body)
	events, _ := stored(t, opts)
	require.Len(t, events, 2)
	require.Contains(t, events, "g1")
	require.Contains(t, events, "g2")
	letters := deadLetters(t, opts)
	require.Len(t, letters, 3)
	reasons := map[string]string{}
	for _, d := range letters {
		require.Equal(t, "ingest", d.Stage)
		require.Equal(t, "segment", d.Protocol)
		require.Equal(t, "demo", d.Site)
		reasons[d.Reason] = string(d.Payload)
	}
	require.Equal(t, `"what"`, reasons["not_an_object"])
	require.Equal(t, `{"type":"page","messageId":"b2"}`, reasons["no_id"])
	require.Equal(t, 3.0, f.value(t, "leadstream_ingest_dead_letters_total"))
}

func TestWhoeverDoesNotConsentIsThankedAndForgotten(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	answer, _ := f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a","consent":"none"}`)
	require.Equal(t, 200, answer.StatusCode)
	answer, _ = f.ask(t, "POST", "/v1/events?key=demo", `{"type":"nonsense","anonymous_id":"private"}`, "Sec-GPC", "1")
	require.Equal(t, 400, answer.StatusCode)
	events, _ := stored(t, opts)
	require.Empty(t, events)
	letters := deadLetters(t, opts)
	require.Len(t, letters, 1)
	require.Empty(t, letters[0].Payload)
	require.Contains(t, letters[0].Detail, "content not kept")
}

func TestKeysAreFoundWhereverClientsPutThem(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	body := `{"messageId":"%d","userId":"u","event":"x"}`
	for i, c := range []struct {
		path    string
		headers []string
		trusted bool
	}{
		{"/v1/track", []string{"Authorization", "Basic ZGVtbzo="}, false},
		{"/v1/t", []string{"X-Write-Key", "demo"}, false},
		{"/v1/track?writeKey=demo", nil, false},
		{"/v1/track?key=demo", nil, false},
		{"/v1/track", []string{"Authorization", "Basic ZGVtby1zZWNyZXQ6"}, true},
		{"/v1/track", []string{"Authorization", "Bearer demo-secret"}, true},
		{"/v1/track", []string{"X-Write-Key", "demo:***"}, false},
	} {
		answer, text := f.ask(t, "POST", c.path, fmt.Sprintf(body, i), c.headers...)
		require.Equal(t, 200, answer.StatusCode, text)
		events, _ := stored(t, opts)
		require.Equal(t, c.trusted, events[fmt.Sprint(i)].Trusted)
		require.Equal(t, "track", events[fmt.Sprint(i)].Type)
	}
}

// TestABadQueryIsNotAPostsFault: the events are in the body.
func TestABadQueryIsNotAPostsFault(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	for _, headers := range [][]string{nil, {"Connection", "close"}} {
		answer, body := f.ask(t, "POST", "/v1/track?x=%zz", `{"writeKey":"demo","userId":"u","event":"x"}`, headers...)
		require.Equal(t, 200, answer.StatusCode, body)
	}
}

func TestContentTypeIsNeverBelieved(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	one := func(id string) string { return `{"type":"page","anonymous_id":"a","event_id":"` + id + `"}` }
	for _, c := range []struct{ body, kind, encoding string }{
		{one("1"), "application/x-www-form-urlencoded", ""},
		{one("2"), "multipart/form-data", ""},
		{packed(t, one("3")), "text/plain", ""},
		{packed(t, one("4")), "application/json", "gzip"},
		{one("5"), "application/json", "gzip"}, // a proxy has unpacked it
		{"\xef\xbb\xbf" + one("6"), "", ""},
	} {
		answer, text := f.ask(t, "POST", "/v1/events?key=demo", c.body, "Content-Type", c.kind, "Content-Encoding", c.encoding)
		require.Equal(t, 200, answer.StatusCode, text)
	}
	events, _ := stored(t, opts)
	require.Len(t, events, 6)
}

func TestPreflightIsAnsweredEverywhere(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	for _, path := range []string{"/v1/t", "/v1/events", "/nowhere", "/v1/pixel.gif"} {
		answer, _ := f.ask(t, "OPTIONS", path, "", "Origin", "https://acme.example", "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "authorization,x-retry-count", "Access-Control-Request-Private-Network", "true")
		require.Equal(t, 204, answer.StatusCode)
		require.Equal(t, "https://acme.example", answer.Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "true", answer.Header.Get("Access-Control-Allow-Credentials"))
		require.Equal(t, "authorization,x-retry-count", answer.Header.Get("Access-Control-Allow-Headers"))
		require.Equal(t, "true", answer.Header.Get("Access-Control-Allow-Private-Network"))
		require.Contains(t, answer.Header.Values("Vary"), "Origin")
	}
	answer, _ := f.ask(t, "OPTIONS", "/v1/t", "", "Origin", "null")
	require.Contains(t, answer.Header.Get("Access-Control-Allow-Headers"), "Authorization")
	require.Equal(t, "null", answer.Header.Get("Access-Control-Allow-Origin"))
}

func TestPixelIsAlwaysAnImage(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	for path, status := range map[string]int{"/v1/pixel.gif?key=demo&type=track&name=Opened&user_id=u&event_id=p1": 200, "/v1/pixel.gif?key=nobody": 401, "/v1/pixel.gif": 401} {
		answer, body := f.ask(t, "GET", path, "")
		require.Equal(t, status, answer.StatusCode)
		require.Equal(t, "image/gif", answer.Header.Get("Content-Type"))
		require.Equal(t, "image/gif", http.DetectContentType([]byte(body)))
		require.Len(t, body, 43)
		require.Contains(t, answer.Header.Get("Cache-Control"), "no-store")
	}
	answer, _ := f.ask(t, "HEAD", "/v1/pixel.gif?key=demo&type=track&user_id=u&event_id=p2", "")
	require.Equal(t, 200, answer.StatusCode)
	events, _ := stored(t, opts)
	require.Len(t, events, 1, "a link scanner's HEAD has not opened the mail")
	require.Equal(t, "pixel", events["p1"].Protocol)
}

func TestTheOtherAddresses(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, func(_ *Config, d *Deps) {
		d.Static = map[string]http.Handler{
			"/tracker.js": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("script")) }),
			"/demo/":      http.NotFoundHandler(),
		}
	})
	_, body := f.ask(t, "GET", "/tracker.js", "", "Origin", "https://a.example")
	require.Equal(t, "script", body)
	answer, _ := f.ask(t, "GET", "/demo/nothing.html", "")
	require.Equal(t, 404, answer.StatusCode)
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_requests_total", "protocol", "static", "status", "404"))
	answer, body = f.ask(t, "POST", "/v1/m", "anything")
	require.Equal(t, 200, answer.StatusCode)
	require.JSONEq(t, `{"success":true}`, body)
	_, body = f.ask(t, "GET", "/v1/projects/demo/settings", "")
	require.Contains(t, body, `"Segment.io":{"apiKey":"demo","apiHost":"`+f.Addr().String()+`/v1","protocol":"http"`)
	_, body = f.ask(t, "GET", "/", "")
	for _, r := range f.routes {
		require.Contains(t, body, r.path)
	}
	require.Contains(t, body, "/demo/")
}

func TestEveryAddressOfTheSegmentFamilyTakesEvents(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	want := 0
	for _, kind := range protocol.SegmentTypes {
		require.True(t, schemas.KnownType(kind))
		for _, path := range []string{"/v1/" + kind, "/v1/" + kind[:1]} {
			answer, body := f.ask(t, "POST", path, `{"writeKey":"demo","userId":"u","previousId":"p","groupId":"g","messageId":"`+path+`"}`)
			require.Equal(t, 200, answer.StatusCode, body)
			want++
		}
	}
	for _, path := range []string{"/v1/batch", "/v1/b", "/v1/import"} {
		answer, body := f.ask(t, "POST", path, `{"writeKey":"demo","batch":[{"type":"track","userId":"u","messageId":"`+path+`"}]}`)
		require.Equal(t, 200, answer.StatusCode, body)
		want++
	}
	events, _ := stored(t, opts)
	require.Len(t, events, want)
	for _, kind := range protocol.SegmentTypes {
		require.Equal(t, kind, events["/v1/"+kind[:1]].Type)
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, func(_ *Config, d *Deps) {
		d.Static = map[string]http.Handler{"/broken": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("for the test") })}
	})
	answer, body := f.ask(t, "GET", "/broken", "")
	refusedWithWord(t, answer, body, internalFault)
	answer, _ = f.ask(t, "GET", "/", "")
	require.Equal(t, 200, answer.StatusCode)
}
