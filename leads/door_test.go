package leads

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/internal/config"
)

func TestWithoutTokensOnlyLocalhostIsAnswered(t *testing.T) {
	w := newWorld(t)
	for _, host := range []string{"localhost", "localhost:8090", "127.0.0.1:1", "[::1]:80", "LOCALHOST.", "demo.localhost:9"} {
		resp, body := w.get("/v1/leads", "Host", host)
		require.Equal(t, http.StatusOK, resp.StatusCode, host+body)
	}
	for _, host := range []string{"evil.example", "evil.example:8090", "localhost.evil.example", "10.0.0.1:8090", "127.0.0.1.evil.example"} {
		require.Equal(t, "wrong_host", w.refused("/v1/leads", http.StatusForbidden, "Host", host).Word, host)
	}
}

// A proxy on this machine calls us by a loopback name; who stands behind it is not on this machine.
func TestWithoutTokensNothingIsAnsweredThroughAProxy(t *testing.T) {
	w := newWorld(t)
	for _, header := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"} {
		require.Equal(t, "wrong_host", w.refused("/v1/leads", http.StatusForbidden, "Host", "127.0.0.1:8090", header, "203.0.113.7").Word, header)
	}
}

func TestWithATokenNothingIsAnsweredWithoutIt(t *testing.T) {
	w := newWorld(t, withToken)
	for _, path := range []string{"/v1/leads", "/v1/leads/x", "/v1/leads/x/timeline", "/v1/leads/x/explain", "/v1/accounts", "/v1/proposals", "/v1/funnel", "/v1/forecast", "/v1/stream", "/openapi.yaml"} {
		resp, _ := w.get(path)
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode, path)
		require.Contains(t, resp.Header.Get("WWW-Authenticate"), "Bearer")
		require.Equal(t, "unauthorized", w.refused(path, http.StatusUnauthorized, "Authorization", "Bearer wrong").Word)
		require.Equal(t, "unauthorized", w.refused(path, http.StatusUnauthorized, "Authorization", "Bearer ").Word)
		require.Equal(t, "unauthorized", w.refused(path+"?token=", http.StatusUnauthorized).Word)
		require.Equal(t, "unauthorized", w.refused(path, http.StatusUnauthorized, "Cookie", sessionCookie+"="+session("guess")).Word)
	}
	for _, path := range []string{"/", "/funnel", "/leads/x", "/nothing"} {
		resp, body := w.get(path)
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode, path)
		require.Contains(t, body, `action="/login"`, "people get a form")
	}
}

func TestEveryTokenOpensTheDoor(t *testing.T) {
	w := newWorld(t, withToken)
	for _, token := range []string{secretToken, "an old token 0000"} {
		resp, _ := w.get("/v1/leads", "Authorization", "Bearer "+token)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		resp, _ = w.get("/v1/leads?token=" + url.QueryEscape(token))
		require.Equal(t, http.StatusOK, resp.StatusCode)
		resp, _ = w.get("/", "Cookie", sessionCookie+"="+session(token), "Host", "leads.example")
		require.Equal(t, http.StatusOK, resp.StatusCode, "a token lets other hosts in")
	}
}

func TestATokenInAPageAddressBecomesACookie(t *testing.T) {
	w := newWorld(t, withToken)
	resp, _ := w.get("/funnel?window=7d&token=" + url.QueryEscape(secretToken))
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, "/funnel?window=7d", resp.Header.Get("Location"))
	cookie := resp.Cookies()[0]
	require.True(t, cookie.HttpOnly)
	require.NotContains(t, cookie.Value, secretToken)
	resp, _ = w.get("/funnel", "Cookie", cookie.String())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func (w *world) login(token, next string) *http.Response {
	w.t.Helper()
	resp, err := w.client.PostForm(w.web.URL+"/login", url.Values{"token": {token}, "next": {next}})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestLogin(t *testing.T) {
	w := newWorld(t, withToken)
	require.Equal(t, http.StatusUnauthorized, w.login("wrong", "/").StatusCode)
	require.Empty(t, w.login("wrong", "/").Cookies())
	resp := w.login(secretToken, "/leads/x?track=default")
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, "/leads/x?track=default", resp.Header.Get("Location"))
	require.Equal(t, session(secretToken), resp.Cookies()[0].Value)
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, `\\evil`, "javascript:alert(1)", "evil", "", "/%zz"} {
		require.Equal(t, "/", w.login(secretToken, next).Header.Get("Location"), next)
	}
	require.Equal(t, http.StatusBadRequest, w.login(strings.Repeat("x", maxForm+1), "/").StatusCode)
}

func TestEveryAnswerForbidsForeignCode(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/", "/v1/leads", "/v1/leads?limit=x", "/nothing", "/static/app.js", "/funnel"} {
		resp, _ := w.get(path)
		policy := resp.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.NotContains(t, policy, "unsafe", path)
		require.Contains(t, policy, "frame-ancestors 'none'", path)
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"), path)
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	bad := Config{Listen: "0.0.0.0:8090", QueryTimeout: 1, StreamBuffer: 1, Tokens: []config.Secret{"short", " padded with blanks "}}
	err := bad.Validate()
	for _, part := range []string{"tokens: each must have 16 characters", "tokens: must not begin", "query_timeout:", "stream_clients:", "stream_buffer:"} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "short,")
	for listen, ok := range map[string]bool{"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "0.0.0.0:1": false, ":8090": false, "10.1.2.3:1": false, "example.com:1": false, "8090": false} {
		cfg := DefaultConfig()
		cfg.Listen = listen
		require.Equal(t, ok, cfg.Validate() == nil, listen)
		cfg.Tokens = []config.Secret{secretToken}
		require.Equal(t, listen != "8090", cfg.Validate() == nil, listen)
	}
}
