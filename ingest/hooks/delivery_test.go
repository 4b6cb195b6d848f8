package hooks

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Meta sends up to 1000 updates at once: each is an event of its own, and none is lost among the others.
func TestAThousandUpdatesAreAThousandEvents(t *testing.T) {
	var changes []string
	for i := range 1000 {
		changes = append(changes, fmt.Sprintf(`{"field":"leadgen","value":{"leadgen_id":%d,"form_id":"1"}}`, 9007199254740993+i))
	}
	h := hookFor(t, "meta", "acme")
	d, err := h.Receive(signed(t, h, `{"object":"page","entry":[{"id":"1","changes":[`+strings.Join(changes, ",")+`]}]}`))
	require.NoError(t, err)
	ids, people := map[string]bool{}, map[string]bool{}
	for _, it := range d.Items {
		require.Nil(t, it.Fault)
		ids[it.Event.EventId], people[it.Event.AnonymousId] = true, true
	}
	require.Len(t, ids, 1000, "a float64 makes two leads of neighbouring ids one")
	require.Len(t, people, 1000)
}

// Requests share a hook.
func TestAHookServesManyAtOnce(t *testing.T) {
	for _, kind := range []string{"generic", "wecom", "meta"} {
		name := map[string]string{"generic": "market", "wecom": "contact-added", "meta": "page-feed"}[kind]
		h := hookFor(t, kind, name)
		file := "testdata/" + kind + "/" + name + ".json"
		if kind == "wecom" {
			file = "testdata/" + kind + "/" + name + ".xml"
		}
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		r := signed(t, h, string(body))
		want, err := h.Receive(r)
		require.NoError(t, err)
		var all sync.WaitGroup
		got := make([]string, 16)
		for i := range got {
			all.Go(func() {
				if d, err := h.Receive(r); err == nil {
					got[i] = describe(d)
				}
			})
		}
		all.Wait()
		for _, one := range got {
			require.Equal(t, describe(want), one)
		}
	}
}

func TestLongIDsAreDigestsAndStaySteady(t *testing.T) {
	long := strings.Repeat("m", 300)
	require.Equal(t, eventID("meta", long), eventID("meta", long))
	require.NotEqual(t, eventID("meta", long), eventID("meta", long+"x"))
	require.Len(t, eventID("meta", long), len("meta:")+32)
	require.Equal(t, "meta:short", eventID("meta", "short"))

	name := strings.Repeat("n", 63) // the longest that a config may have; the pipeline refuses more than 256
	for n := range 300 {
		require.LessOrEqual(t, len(eventID(name, strings.Repeat("x", n))), 256)
	}
}

// What people wrote of ours must not score us: replies of the page, echoes, our own posts, bots.
func TestOurOwnActsArePassedOver(t *testing.T) {
	for _, c := range []struct{ kind, body string }{
		{"meta", `{"object":"instagram","entry":[{"id":"17","changes":[{"field":"comments","value":{"id":"1","from":{"id":"17"},"text":"thanks"}}]}]}`},
		{"x", `{"data":{"event_uuid":"1","event_type":"dm.sent","payload":{}}}`},
		{"douyin", `{"event":"im_send_msg","from_user_id":"acme"}`},
		{"tiktok", `{"event":"video.publish.completed","user_openid":"acme"}`},
		{"slack", `{"event":{"type":"message","bot_id":"B1"}}`},
	} {
		h := hookFor(t, c.kind, "acme")
		d, err := h.Receive(signed(t, h, c.body))
		require.NoError(t, err)
		require.Empty(t, d.Items, c.body)
		require.Equal(t, 1, d.Passed, c.body)
	}
}

func TestKindsThatNobodyHasHeardOfAreKept(t *testing.T) {
	for kind, body := range map[string]string{
		"meta":     `{"object":"page","entry":[{"id":"1","changes":[{"field":"brand_new","value":{"x":1}}]}]}`,
		"linkedin": `{"type":"BRAND_NEW","x":1}`,
		"x":        `{"for_user_id":"1","brand_new_events":[{"x":1}]}`,
		"tiktok":   `{"event":"brand_new","user_openid":"u"}`,
		"douyin":   `{"event":"brand_new","from_user_id":"u"}`,
		"wechat":   `<xml><FromUserName>u</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType><Event>brand_new</Event></xml>`,
		"wecom":    `<xml><FromUserName>sys</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType><Event>brand_new</Event></xml>`,
		"slack":    `{"event_id":"1","event":{"type":"brand_new","user":"u"}}`,
	} {
		h := hookFor(t, kind, "acme")
		d, err := h.Receive(signed(t, h, body))
		require.NoError(t, err, kind)
		require.Len(t, d.Items, 1, kind)
		require.Nil(t, d.Items[0].Fault)
		require.Equal(t, "social", d.Items[0].Event.Type, kind)
		require.Equal(t, "brand_new", strings.ToLower(d.Items[0].Event.Name), kind)
	}
}
