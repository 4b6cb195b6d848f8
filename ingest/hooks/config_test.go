package hooks

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/ingest/protocol"
	"leadstream/internal/config"
)

func TestEachFaultIsNamedByItsKey(t *testing.T) {
	mapped := Mapping{Type: "track", UserID: "body.id"}
	long := config.Secret("0123456789abcdef")
	for _, c := range []struct {
		key string
		cfg Config
	}{
		{"kind", Config{Kind: "myspace", Name: "a", Site: "s"}},
		{"name", Config{Kind: "x", Name: "A/b", Site: "s", Secret: "sec"}},
		{"site", Config{Kind: "x", Name: "a", Secret: "sec"}},
		{"secret", Config{Kind: "x", Name: "a", Site: "s"}},
		{"secret", Config{Kind: "x", Name: "a", Site: "s", Secret: "no"}},
		{"token", Config{Kind: "meta", Name: "a", Site: "s", Secret: "sec"}},
		{"token", Config{Kind: "wechat", Name: "a", Site: "s"}},
		{"app_id", Config{Kind: "wechat", Name: "a", Site: "s", Token: "tok", AESKey: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"}},
		{"aes_key", Config{Kind: "wecom", Name: "a", Site: "s", Token: "tok", AESKey: "short", AppID: "wx"}},
		{"aes_key", Config{Kind: "wecom", Name: "a", Site: "s", Token: "tok", AppID: "wx"}},
		{"header", Config{Kind: "x", Name: "a", Site: "s", Secret: "sec", Header: "X-A"}},
		{"header", Config{Kind: "hmac", Name: "a", Site: "s", Secret: "sec", Header: "X A", Map: mapped}},
		{"map", Config{Kind: "x", Name: "a", Site: "s", Secret: "sec", Map: mapped}},
		{"map.type", Config{Kind: "hmac", Name: "a", Site: "s", Secret: "sec"}},
		{"map.user_id", Config{Kind: "hmac", Name: "a", Site: "s", Secret: "sec", Map: Mapping{Type: "track"}}},
		{"map.name", Config{Kind: "hmac", Name: "a", Site: "s", Secret: "sec", Map: Mapping{Type: "track", UserID: "body.id", Name: "body.("}}},
		{"map.type", Config{Kind: "hmac", Name: "a", Site: "s", Secret: "sec", Map: Mapping{Type: "dance", UserID: "body.id"}}},
		{"map.at", Config{Kind: "hmac", Name: "a", Site: "s", Secret: "sec", Map: Mapping{Type: "track", UserID: "body.id", At: "now()"}}},
		{"map.properties.x", Config{Kind: "hmac", Name: "a", Site: "s", Secret: "sec", Map: Mapping{Type: "track", UserID: "body.id", Properties: map[string]string{"x": "boddy.y"}}}},
		{"map.traits.x", Config{Kind: "hmac", Name: "a", Site: "s", Secret: "sec", Map: Mapping{Type: "track", UserID: "body.id", Traits: map[string]string{"x": "1 +"}}}},
		{"secret", Config{Kind: "generic", Name: "a", Site: "s", Map: mapped}},
		{"secret", Config{Kind: "generic", Name: "a", Site: "s", Secret: "short", Map: mapped}},
		{"token", Config{Kind: "generic", Name: "a", Site: "s", Secret: long, Token: "short", Map: mapped}},
	} {
		err := c.cfg.Validate()
		require.ErrorContains(t, err, c.key+": ", "%+v", c.cfg)
		require.NotContains(t, err.Error(), "\n", "one fault, one line: %+v", c.cfg)
		_, err = New(c.cfg)
		require.Error(t, err)
	}
	require.NoError(t, Config{Kind: "generic", Name: "a", Site: "s", Secret: long, Map: mapped}.Validate())
}

// TestEveryKindWantsItsSecretAndItsWindow holds all kinds to the same: another secret is refused, and so is a signed time
// that is six minutes off, while four are fine.
func TestEveryKindWantsItsSecretAndItsWindow(t *testing.T) {
	timed := map[string]bool{"tiktok/acme": true, "slack/acme": true, "wechat/acme": true, "wecom/acme": true, "hmac/calendly": true}
	for name, c := range documented(t) {
		h, err := New(c)
		require.NoError(t, err)
		thief := *h
		thief.cfg.Secret, thief.cfg.Token = "another-secret-of-length", ""
		if c.Token != "" && c.Kind != "meta" {
			thief.cfg.Secret, thief.cfg.Token = "", "another-token-of-length"
		}
		_, err = h.Receive(signed(t, &thief, "{}"))
		require.ErrorContains(t, err, string(BadSignature), name)
		for _, age := range []time.Duration{-6 * time.Minute, 6 * time.Minute} {
			_, err = h.Receive(signedAt(t, h, "{}", now.Add(age)))
			if timed[name] {
				require.ErrorContains(t, err, string(Stale), name)
			} else if err != nil {
				require.NotContains(t, err.Error(), string(Stale), name)
			}
		}
		for _, age := range []time.Duration{-4 * time.Minute, 4 * time.Minute} {
			if _, err = h.Receive(signedAt(t, h, "{}", now.Add(age))); err != nil {
				require.NotContains(t, err.Error(), string(Stale), name)
				require.NotContains(t, err.Error(), string(BadSignature), name)
			}
		}
	}
}

// An encrypting account takes nothing plain: WeChat signs plain deliveries without their body.
func TestNoWayBackToPlain(t *testing.T) {
	plain := ready(t, Config{Kind: "wechat", Token: "tok"})
	sealed := ready(t, Config{Kind: "wechat", Token: "tok", AESKey: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", AppID: "wx1"})
	body := "<xml><FromUserName>o</FromUserName><CreateTime>1772446530</CreateTime><MsgType>text</MsgType><MsgId>1</MsgId></xml>"
	_, err := sealed.Receive(signed(t, plain, body))
	require.ErrorContains(t, err, "not encrypted")
	_, err = plain.Receive(signed(t, sealed, body))
	require.ErrorContains(t, err, "set aes_key")
	d, err := sealed.Receive(signed(t, sealed, body))
	require.NoError(t, err)
	require.Equal(t, "wechat:1", d.Items[0].Event.EventId)
	require.Equal(t, "success", d.Reply.Body)
	reply, err := sealed.Challenge(func() Request {
		r := signed(t, sealed, "")
		r.Query.Set("echostr", "5837397622435711")
		return r
	}())
	require.NoError(t, err)
	require.Equal(t, "5837397622435711", reply.Body)
}

func TestGenericSecretsAreTakenWhereSendersPutThem(t *testing.T) {
	h := ready(t, Config{Kind: "generic", Secret: "0123456789abcdef", Map: Mapping{Type: "track", UserID: "body.id"}})
	tokened := ready(t, Config{Kind: "generic", Token: "0123456789abcdef", Map: Mapping{Type: "track", UserID: "body.id"}})
	for _, c := range []struct {
		hook         *Hook
		header, text string
		query        string
		good         bool
	}{
		{h, "X-Hook-Secret", "0123456789abcdef", "", true},
		{h, "Authorization", "Bearer 0123456789abcdef", "", true},
		{h, "Authorization", "bearer 0123456789abcdef", "", true},
		{h, "Authorization", "Basic dTowMTIzNDU2Nzg5YWJjZGVm", "", true}, // u:0123456789abcdef
		{h, "Authorization", "Basic !", "", false},
		{h, "Authorization", "Bearer ", "", false},
		{h, "X-Other", "0123456789abcdef", "token=0123456789abcdef", false},
		{tokened, "X-Other", "", "token=0123456789abcdef", true},
		{tokened, "X-Hook-Secret", "", "", false},
		{tokened, "X-Hook-Secret", "0123456789abcdef", "", false},
	} {
		q, err := url.ParseQuery(c.query)
		require.NoError(t, err)
		r := Request{Header: http.Header{}, Query: q, Body: `{"id":"u"}`, Now: now, Limits: generous}
		r.Header.Set(c.header, c.text)
		_, err = c.hook.Receive(r)
		require.Equal(t, c.good, err == nil, "%+v: %v", c, err)
	}
}

func TestMappingFailsAloneAndByName(t *testing.T) {
	h := ready(t, Config{Kind: "generic", Secret: "0123456789abcdef", Map: Mapping{
		Each: "body", Type: `item.t ?? "track"`, ID: "item.id", UserID: "item.user.id", At: "item.at",
		Properties: map[string]string{"n": "item.n * 2", "none": "item.absent", "h": `header["x-kind"]`, "q": "query.a ?? 1"},
	}})
	r := signed(t, h, `[{"id":1,"user":{"id":18446744073709551616},"n":3,"at":"2026-03-02"},{"id":2,"n":1},{"id":3,"user":{"id":"u"},"n":"x"}]`)
	r.Header.Set("X-Kind", "k")
	d, err := h.Receive(r)
	require.NoError(t, err)
	require.Len(t, d.Items, 3)
	good := d.Items[0]
	require.Nil(t, good.Fault)
	require.Equal(t, []string{"acme:1", "18446744073709551616", "track"}, []string{good.Event.EventId, good.Event.UserId, good.Event.Type})
	require.JSONEq(t, `{"n":6,"h":"k","q":1}`, string(good.Event.Properties))
	require.Equal(t, int64(1772409600000), good.At.Ms)
	require.Equal(t, BadMapping, d.Items[1].Fault.Reason)
	require.Contains(t, d.Items[1].Fault.Detail, "map.user_id failed")
	require.Contains(t, d.Items[2].Fault.Detail, "map.properties.n failed")
	require.JSONEq(t, `{"id":2,"n":1}`, d.Items[1].Raw)
	d, err = h.Receive(signed(t, h, `{"not":"a list"}`))
	require.NoError(t, err)
	require.Len(t, d.Items, 1)
	require.Equal(t, "map.each failed on this payload: it gave no list", d.Items[0].Fault.Detail)
	require.JSONEq(t, `{"not":"a list"}`, d.Items[0].Raw)
	_, err = h.Receive(signed(t, h, `[`))
	require.ErrorContains(t, err, string(protocol.BadJSON))
}

func TestAFailingSkipCostsItsOwnUpdateAlone(t *testing.T) {
	h := ready(t, Config{Kind: "generic", Secret: "0123456789abcdef", Map: Mapping{
		Each: "body", Skip: "item.size > 2", Type: "track", UserID: `"u"`, ID: "item.size",
	}})
	d, err := h.Receive(signed(t, h, `[{"size":1},{"size":"large"},{"size":3},{"size":2}]`))
	require.NoError(t, err)
	require.Equal(t, 1, d.Passed)
	require.Len(t, d.Items, 3)
	require.Nil(t, d.Items[0].Fault)
	require.Contains(t, d.Items[1].Fault.Detail, "map.skip failed")
	require.Nil(t, d.Items[2].Fault)
	wrong := ready(t, Config{Kind: "generic", Secret: "0123456789abcdef", Map: Mapping{Skip: "body.n", Type: "track", UserID: `"u"`}})
	d, err = wrong.Receive(signed(t, wrong, `{"n":1}`))
	require.NoError(t, err)
	require.Contains(t, d.Items[0].Fault.Detail, "neither true nor false")
}

func TestSecretsOfTheRequestAreOutOfReach(t *testing.T) {
	h := ready(t, Config{Kind: "generic", Token: "0123456789abcdef", Map: Mapping{
		Type: "track", UserID: `"u"`, Properties: map[string]string{"a": `header["authorization"]`, "t": `query.token`},
	}})
	r := signed(t, h, `{}`)
	r.Header.Set("Authorization", "Bearer x")
	d, err := h.Receive(r)
	require.NoError(t, err)
	require.Empty(t, d.Items[0].Event.Properties)
}

func TestOneBadUpdateNeverCostsTheGoodOnes(t *testing.T) {
	h := hookFor(t, "meta", "acme")
	deep := ""
	for range 40 {
		deep = `{"a":` + deep
	}
	deep += "1"
	for range 40 {
		deep += "}"
	}
	d, err := h.Receive(signed(t, h, `{"object":"page","entry":[{"id":"1","changes":[{"field":"x","value":7},{"field":"x","value":`+deep+`},{"field":"x","value":{"a":1}}]}]}`))
	require.NoError(t, err)
	require.Len(t, d.Items, 3)
	require.Equal(t, protocol.NotAnObject, d.Items[0].Fault.Reason)
	require.Equal(t, protocol.TooDeep, d.Items[1].Fault.Reason)
	require.Nil(t, d.Items[2].Fault)
	r := signed(t, h, `{"object":"page","entry":[{"id":"1","changes":[{"field":"x","value":{"a":1}},{"field":"y","value":{"a":1}}]}]}`)
	r.Limits.Events = 1
	_, err = h.Receive(r)
	require.ErrorContains(t, err, string(protocol.BatchTooLarge))
	r.Limits = protocol.Limits{Events: 10, Bytes: 5}
	d, err = h.Receive(r)
	require.NoError(t, err)
	require.Equal(t, protocol.TooLarge, d.Items[0].Fault.Reason)
}

func TestInstants(t *testing.T) {
	for text, want := range map[string]protocol.Instant{
		"":                         {},
		"1772446530":               {Ms: 1772446530000, State: protocol.Known},
		"1772446530123":            {Ms: 1772446530123, State: protocol.Known},
		"2026-03-02T10:15:30Z":     {Ms: 1772446530000, State: protocol.Known},
		"2026-03-02T10:15:30+0000": {Ms: 1772446530000, State: protocol.Known},
		"2026-03-02":               {Ms: 1772409600000, State: protocol.Known},
		"soon":                     {State: protocol.Unreadable},
		"NaN":                      {State: protocol.Unreadable},
		"1e300":                    {State: protocol.Unreadable},
	} {
		require.Equal(t, want, instant(text), text)
	}
}
