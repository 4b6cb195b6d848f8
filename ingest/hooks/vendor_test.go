package hooks

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/config"
)

// The examples that vendors publish, with their secrets. Whoever changes how a signature is made hears of it here.

func ready(t testing.TB, c Config) *Hook {
	t.Helper()
	c.Name, c.Site = "acme", "shop"
	h, err := New(c)
	require.NoError(t, err)
	return h
}

func queryOf(t testing.TB, text string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(text)
	require.NoError(t, err)
	return q
}

func TestMetaAndGitHubExamples(t *testing.T) {
	for _, c := range []struct{ secret, body, signature string }{
		{"secret", "test", "0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914"},
		{"It's a Secret to Everybody", "Hello, World!", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
	} {
		require.Equal(t, c.signature, hex.EncodeToString(sign(c.secret, c.body)))
		h := ready(t, Config{Kind: "meta", Secret: config.Secret(c.secret), Token: "token"})
		_, err := openMeta(h, Request{Header: http.Header{"X-Hub-Signature-256": {"sha256=" + c.signature}}, Body: c.body})
		require.NoError(t, err)
		m := ready(t, Config{Kind: "hmac", Secret: config.Secret(c.secret), Map: Mapping{Type: "track", UserID: "body.id"}})
		_, err = openHMAC(m, Request{Header: http.Header{"X-Hub-Signature-256": {"sha256=" + c.signature}}, Body: c.body})
		require.NoError(t, err)
	}
}

func TestMetaChallenge(t *testing.T) {
	h := ready(t, Config{Kind: "meta", Secret: "secret", Token: "meatyhamhock"})
	reply, err := h.Challenge(Request{Query: queryOf(t, "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock")})
	require.NoError(t, err)
	require.Equal(t, "1158201444", reply.Body)
	require.Equal(t, "text/plain; charset=utf-8", reply.Type)
	_, err = h.Challenge(Request{Query: queryOf(t, "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=x")})
	require.ErrorContains(t, err, "bad_signature")
	_, err = h.Challenge(Request{Query: queryOf(t, "hub.challenge=1158201444&hub.verify_token=meatyhamhock")})
	require.ErrorContains(t, err, "bad_challenge")
}

// The signature is over escapes as Meta writes them: who decodes and encodes again has another body.
func TestMetaSignsItsEscapes(t *testing.T) {
	h := ready(t, Config{Kind: "meta", Secret: "secret", Token: "token"})
	body := `{"object":"page","entry":[{"id":"1","changes":[{"field":"feed","value":{"item":"post","message":"Gr\u00fc\u00dfe \/"}}]}]}`
	r := signed(t, h, body)
	_, err := h.Receive(r)
	require.NoError(t, err)
	tree, err := decode(body)
	require.NoError(t, err)
	r.Body = string(encode(tree))
	_, err = h.Receive(r)
	require.ErrorContains(t, err, "bad_signature")
}

func TestXExample(t *testing.T) {
	h := ready(t, Config{Kind: "x", Secret: "z3ZX4v7mAAUGykl3EcmkqbartmuW8VFOOzCloLx9Q45P0hLrFu"}) // published, of no account
	reply, err := h.Challenge(Request{Query: queryOf(t, "crc_token=9b4507b3-9040-4669-9ca3-6b94edb50553")})
	require.NoError(t, err)
	require.JSONEq(t, `{"response_token":"sha256=Cytd4Sq+NvEcV3MMrXxWJGJx5A+y/lXzzU2Maartkx8="}`, reply.Body)
}

// Whoever may have any text signed by a challenge can sign deliveries.
func TestChallengesSignNoDeliveries(t *testing.T) {
	x := ready(t, Config{Kind: "x", Secret: "secret"})
	for _, token := range []string{`{"for_user_id":"1"}`, ` {}`, `[]`, "", "7\n", `"x"`} {
		_, err := x.Challenge(Request{Query: url.Values{"crc_token": {token}}})
		require.ErrorContains(t, err, "bad_challenge", token)
	}
	// A token that is JSON all the same, such as a number, is no object, and so no delivery.
	reply, err := x.Challenge(Request{Query: url.Values{"crc_token": {"12345"}}})
	require.NoError(t, err)
	require.NotEmpty(t, reply.Body)
	r := signed(t, x, "12345")
	_, err = x.Receive(r)
	require.ErrorContains(t, err, "bad_json")
	li := ready(t, Config{Kind: "linkedin", Secret: "secret"})
	for _, code := range []string{`hmacsha256={"type":"LEAD_ACTION"}`, "", "a b"} {
		_, err := li.Challenge(Request{Query: url.Values{"challengeCode": {code}}})
		require.ErrorContains(t, err, "bad_challenge", code)
	}
}

func TestLinkedInChallenge(t *testing.T) {
	h := ready(t, Config{Kind: "linkedin", Secret: "client-secret"})
	code := "890e4665-4dfe-4ab1-b689-ed553bceeed0"
	reply, err := h.Challenge(Request{Query: url.Values{"challengeCode": {code}, "applicationId": {"1"}}})
	require.NoError(t, err)
	require.JSONEq(t, `{"challengeCode":"`+code+`","challengeResponse":"`+hex.EncodeToString(sign("client-secret", code))+`"}`, reply.Body)
	// The prefix is part of what is signed, not of the header.
	r := signed(t, h, `{"type":"LEAD_ACTION"}`)
	r.Header.Set("X-LI-Signature", "hmacsha256="+r.Header.Get("X-LI-Signature"))
	_, err = h.Receive(r)
	require.ErrorContains(t, err, "bad_signature")
}

func TestSlackExample(t *testing.T) {
	h := ready(t, Config{Kind: "slack", Secret: "8f742231b10e8888abcd99yyyzzz85a5"})
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	r := Request{Header: http.Header{}, Body: body, Now: time.Unix(1531420618+60, 0), Limits: generous}
	r.Header.Set("X-Slack-Request-Timestamp", "1531420618")
	r.Header.Set("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
	d, err := h.Receive(r)
	require.NoError(t, err)
	require.Len(t, d.Items, 1)
	e := d.Items[0].Event
	require.Equal(t, []string{"social", "command", "slack:T1DC2JH3J:U2CERLKJA"}, []string{e.Type, e.Name, e.AnonymousId})
	require.Contains(t, string(e.Properties), `"command":"/webhook-collect"`)
	require.NotContains(t, string(e.Properties), "xyzz0WbapA4vBCDEFasx0q6G", "a verification token is a secret")
	require.NotContains(t, string(e.Properties), "response_url")
	r.Now = time.Unix(1531420618+301, 0)
	_, err = h.Receive(r)
	require.ErrorContains(t, err, "stale")
}

func TestSlackChallengeIsSigned(t *testing.T) {
	h := ready(t, Config{Kind: "slack", Secret: "secret"})
	body := `{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`
	d, err := h.Receive(signed(t, h, body))
	require.NoError(t, err)
	require.Empty(t, d.Items)
	require.Equal(t, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", d.Reply.Body)
	_, err = h.Receive(Request{Header: http.Header{}, Body: body, Now: now, Limits: generous})
	require.ErrorContains(t, err, "bad_signature")
}

func TestDouyinChallenge(t *testing.T) {
	h := ready(t, Config{Kind: "douyin", Secret: "secret"})
	d, err := h.Receive(signed(t, h, `{"event":"verify_webhook","client_key":"","content":{"challenge":9007199254740993}}`))
	require.NoError(t, err)
	require.Equal(t, `{"challenge":9007199254740993}`, d.Reply.Body)
	_, err = h.Receive(signed(t, h, `{"event":"verify_webhook"}`))
	require.ErrorContains(t, err, "bad_challenge")
}

// tencent is the example of WeCom's documents.
func tencent(t testing.TB) *Hook {
	t.Helper()
	return ready(t, Config{Kind: "wecom", Token: "QDG6eK", AESKey: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", AppID: "wx5823bf96d3bd56c7"})
}

func TestTencentExampleOfAnEcho(t *testing.T) {
	r := Request{Now: time.Unix(1409659589, 0), Query: url.Values{
		"msg_signature": {"5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"}, "timestamp": {"1409659589"}, "nonce": {"263014780"},
		"echostr": {"P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="},
	}}
	reply, err := tencent(t).Challenge(r)
	require.NoError(t, err)
	require.Equal(t, "1616140317555161061", reply.Body)
	r.Now = r.Now.Add(-301 * time.Second)
	_, err = tencent(t).Challenge(r)
	require.ErrorContains(t, err, "stale")
}

func TestTencentExampleOfAMessage(t *testing.T) {
	const encrypted = "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
	r := Request{Now: time.Unix(1409659813, 0), Limits: generous, Body: "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName><Encrypt><![CDATA[" + encrypted + "]]></Encrypt><AgentID><![CDATA[218]]></AgentID></xml>",
		Query: url.Values{"msg_signature": {"477715d11cdb4164915debcba66cb864d751f3e6"}, "timestamp": {"1409659813"}, "nonce": {"1372623149"}}}
	payload, err := openWeCom(tencent(t), r)
	require.NoError(t, err)
	m, err := tencentMessage(payload)
	require.NoError(t, err)
	require.Equal(t, "hello", m["Content"])
	require.Equal(t, "4561255354251345929", m["MsgId"])

	other := tencent(t)
	other.cfg.AppID = "wx0000000000000000"
	_, err = openWeCom(other, r)
	require.ErrorContains(t, err, "another app_id")
	r.Query.Set("nonce", "1372623150")
	_, err = openWeCom(tencent(t), r)
	require.ErrorContains(t, err, "bad_signature")
}

func TestTikTokHeaderOfTheDocuments(t *testing.T) {
	stamp, values := pairs("t=1633174587,s=18494715036ac4416a1d0a673871a2edbcfc94d94bd88ccd2c5ec9b3425afe66")
	require.Equal(t, "1633174587", stamp)
	require.Equal(t, []string{"18494715036ac4416a1d0a673871a2edbcfc94d94bd88ccd2c5ec9b3425afe66"}, values["s"])
	twice, _ := pairs("t=1,t=2,s=00")
	require.Empty(t, twice, "which of two times was signed?")
}

func TestHMACInAllItsSpellings(t *testing.T) {
	h := ready(t, Config{Kind: "hmac", Secret: "secret", Header: "X-Sign", Map: Mapping{Type: "track", UserID: "body.id"}})
	body := `{"id":"u1"}`
	mac := sign("secret", body)
	for _, spelled := range []string{
		hex.EncodeToString(mac), "sha256=" + hex.EncodeToString(mac), base64.StdEncoding.EncodeToString(mac), "sha256=" + base64.StdEncoding.EncodeToString(mac),
		"t=1772446540,v1=" + hex.EncodeToString(sign("secret", "1772446540.", body)), "t=1772446540,v1=00,v1=" + hex.EncodeToString(sign("secret", "1772446540.", body)),
	} {
		d, err := h.Receive(Request{Header: http.Header{"X-Sign": {spelled}}, Body: body, Now: now, Limits: generous})
		require.NoError(t, err, spelled)
		require.Equal(t, "u1", d.Items[0].Event.UserId)
	}
	for _, wrong := range []string{"", "sha256=", "t=1772446540", "t=,v1=00", "00", hex.EncodeToString(mac)[:62]} {
		_, err := h.Receive(Request{Header: http.Header{"X-Sign": {wrong}}, Body: body, Now: now, Limits: generous})
		require.ErrorContains(t, err, "bad_signature", wrong)
	}
}
