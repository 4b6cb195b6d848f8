package hooks

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"leadstream/ingest/protocol"
	"leadstream/schemas"
)

// fuzz feeds genuine deliveries of whatever bytes to the hooks of a kind.
func fuzz(f *testing.F, kind string, seeds ...string) {
	files, err := filepath.Glob("testdata/" + kind + "/*.[jx][sm]*")
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(body))
	}
	for _, text := range append(seeds, "", "{}", "[]", "null", "7", `{"a":[[[[]]]]}`, `{"entry":[{"changes":[7]}],"notifications":[null],"data":1}`) {
		f.Add(text)
	}
	var list []*Hook
	for _, c := range documented(f) {
		if c.Kind != kind {
			continue
		}
		h, err := New(c)
		require.NoError(f, err)
		list = append(list, h)
	}
	require.NotEmpty(f, list)
	f.Fuzz(func(t *testing.T, body string) {
		for _, h := range list {
			promises(t, h, body)
		}
	})
}

// promises are what every source keeps, whatever a genuine delivery holds.
func promises(t *testing.T, h *Hook, body string) {
	var r Request
	receive := h.Receive
	if h.aes == nil {
		r = signed(t, h, body)
	} else { // sealed, every byte changes all that follow it, and the fuzzer learns nothing: FuzzSealed does that part
		r = Request{Now: now, Limits: generous}
		receive = func(r Request) (d Delivery, err error) {
			if err = h.source.read(h, r, body, &d); err != nil {
				return Delivery{}, asFault(err)
			}
			return d, nil
		}
	}
	d, err := receive(r)
	if err != nil {
		require.IsType(t, &protocol.Fault{}, err)
		require.Empty(t, d.Items)
		require.NotContains(t, err.Error(), string(BadSignature), "what the provider signed is genuine")
		return
	}
	require.LessOrEqual(t, len(d.Items), generous.Events)
	for _, it := range d.Items {
		require.NotNil(t, it.Event)
		if it.Fault != nil {
			require.NotEmpty(t, it.Fault.Reason)
			continue
		}
		e := it.Event
		require.NotEmpty(t, e.EventId)
		if !h.cfg.isMapped() { // there the config says type and person, and the pipeline checks them
			require.True(t, schemas.KnownType(e.Type))
			require.NotEmpty(t, e.AnonymousId)
		}
		require.LessOrEqual(t, len(e.EventId), longestID+64)
		for _, object := range [][]byte{e.Properties, e.Traits} {
			if object != nil {
				require.True(t, json.Valid(object), "%q", object)
				require.True(t, utf8.Valid(object))
				require.NotContains(t, string(object), `\u0000`)
				require.Equal(t, byte('{'), object[0])
			}
		}
	}
	again, err := receive(r)
	require.NoError(t, err)
	require.Equal(t, describe(d), describe(again), "a repeat is the same events")
}

func FuzzMeta(f *testing.F)     { fuzz(f, "meta") }
func FuzzLinkedIn(f *testing.F) { fuzz(f, "linkedin") }
func FuzzX(f *testing.F)        { fuzz(f, "x") }
func FuzzTikTok(f *testing.F)   { fuzz(f, "tiktok") }
func FuzzDouyin(f *testing.F)   { fuzz(f, "douyin") }
func FuzzSlack(f *testing.F)    { fuzz(f, "slack", "payload=%7B%7D&x=%ff", "command=/x&user_id=%00") }
func FuzzWeChat(f *testing.F) {
	fuzz(f, "wechat", "<xml/>", "<a><b>&lt;</b><b/></a>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a><b>&x;</b></a>")
}
func FuzzWeCom(f *testing.F) { fuzz(f, "wecom", "<xml><ExternalUserID>\xff</ExternalUserID></xml>") }
func FuzzHMAC(f *testing.F)  { fuzz(f, "hmac") }
func FuzzGeneric(f *testing.F) {
	fuzz(f, "generic", `{"signals":[{"id":1e400,"kind":{"a":"\u0000"}}]}`, `[{"event":"click","email":null}]`)
}

// FuzzStrangers sends what nobody signed: nothing of it is ever taken, whatever the headers say.
func FuzzStrangers(f *testing.F) {
	f.Add("{}", "sha256=00", "1772446540")
	f.Add("<xml><Encrypt>AAAA</Encrypt></xml>", "t=1772446540,s=00", "")
	f.Add("", "v0=", "-1")
	all := documented(f)
	var list []*Hook
	for _, c := range all {
		h, err := New(c)
		require.NoError(f, err)
		list = append(list, h)
	}
	f.Fuzz(func(t *testing.T, body, signature, stamp string) {
		headers := http.Header{}
		for _, name := range []string{
			"X-Hub-Signature-256", "X-Li-Signature", "X-Twitter-Webhooks-Signature", "Tiktok-Signature", "X-Douyin-Signature", "X-Slack-Signature",
			"Typeform-Signature", "Calendly-Webhook-Signature", "X-Hook-Secret", "Authorization",
		} {
			headers.Set(name, signature)
		}
		headers.Set("X-Slack-Request-Timestamp", stamp)
		query := url.Values{"signature": {signature}, "msg_signature": {signature}, "timestamp": {stamp}, "nonce": {stamp}, "token": {signature}}
		for _, h := range list {
			_, err := h.Receive(Request{Header: headers, Query: query, Body: body, Now: now, Limits: generous})
			var no *protocol.Fault
			require.ErrorAs(t, err, &no, h.cfg.Name)
			// WeCom's signature is over a part of the body, which has to be found first.
			require.Contains(t, []protocol.Reason{BadSignature, BadXML, protocol.BadJSON}, no.Reason)
		}
	})
}

// FuzzSealed opens whatever claims to be encrypted.
func FuzzSealed(f *testing.F) {
	key, err := messageKey("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
	require.NoError(f, err)
	f.Add(sealMessage(f, key, "<xml/>", "app"))
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Fuzz(func(t *testing.T, text string) {
		message, app, err := openMessage(key, text)
		if err != nil {
			require.Empty(t, message+app)
		}
	})
}
