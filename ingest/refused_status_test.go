package ingest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestSegmentsHabit: who asked for it hears 200 to a wrong key; nothing is kept, and it is counted as the refusal that it is.
func TestSegmentsHabit(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, func(c *Config, _ *Deps) {
		c.UnknownKeyStatus = 200
		c.Sites[0].RevokedKeys = []string{"old-demo"}
		c.Sites[1].RevokedKeys, c.Sites[1].RefusedStatus = []string{"old-shop"}, 200
	})
	event := `{"type":"page","anonymous_id":"a","event_id":"x"}`
	for _, c := range []struct {
		name, path, body, origin string
		status                   int
		says, word               string
	}{
		{"unknown", "/v1/events?key=nobody", event, "", 200, `{"success":true}`, "wrong_key"},
		{"unknown, in the body", "/v1/track", `{"writeKey":"nobody","userId":"u","event":"x"}`, "", 200, `{"success":true}`, "wrong_key"},
		{"unknown, by Mixpanel", "/track", `[{"event":"x","properties":{"token":"nobody","distinct_id":"a"}}]`, "", 200, "1", "wrong_key"},
		{"none", "/v1/events", event, "", 401, "no write key", "no_key"},
		{"revoked", "/v1/events?key=old-demo", event, "", 401, "has been revoked", "key_revoked"},
		{"revoked, and thanked", "/v1/events?key=old-shop", event, "", 200, `{"success":true}`, "key_revoked"},
		{"origin, and thanked", "/v1/events?key=shop", event, "https://evil.example", 200, `{"success":true}`, "origin_not_allowed"},
		{"broken JSON stays what it is", "/v1/events?key=demo", "{", "", 400, "bad_json", "bad_json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := f.value(t, "leadstream_ingest_refused_total", "reason", c.word)
			answer, body := f.ask(t, "POST", c.path, c.body, "Origin", c.origin)
			require.Equal(t, c.status, answer.StatusCode, body)
			require.Contains(t, body, c.says)
			require.Equal(t, before+1, f.value(t, "leadstream_ingest_refused_total", "reason", c.word))
		})
	}
	answer, _ := f.ask(t, "GET", "/v1/projects/old-demo/settings", "")
	require.Equal(t, 401, answer.StatusCode, "a revoked key is not sent on")
	events, _ := stored(t, opts)
	require.Empty(t, events)
}

// TestAnEventThatNoBrokerTakesIs413 where there is no spool to set it aside: its sender would come again with it for ever. The
// good ones of its batch are kept.
func TestAnEventThatNoBrokerTakesIs413(t *testing.T) {
	cluster, opts := broker(t)
	cluster.ControlKey(produceKey, func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		request := r.(*kmsg.ProduceRequest)
		for _, topic := range request.Topics {
			for _, p := range topic.Partitions {
				if len(p.Records) > 30_000 { // the one with the fat event in it, noise that lz4 makes no smaller
					return failed(request, kerr.MessageTooLarge.Code), nil, true
				}
			}
		}
		return nil, nil, false
	})
	f := start(t, opts)
	fat := `{"type":"page","event_id":"fat","anonymous_id":"b","properties":{"x":"` + noise(31_000) + `"}}`
	answer, body := f.ask(t, "POST", "/v1/events?key=demo", fat)
	refusedWithWord(t, answer, body, recordTooLarge)
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_refused_total", "reason", "record_too_large"))
	require.Zero(t, f.value(t, "leadstream_ingest_events_total"))
	require.Zero(t, f.value(t, "leadstream_ingest_produce_failed_total"))

	thin := func(i int) string { return fmt.Sprintf(`{"type":"page","event_id":"thin%d","anonymous_id":"b"}`, i) } // of the same partition
	batch := "[" + thin(0) + "," + fat + "," + thin(1) + "]"
	answer, body = f.ask(t, "POST", "/v1/events?key=demo", batch)
	require.Equal(t, 200, answer.StatusCode, body)
	require.Contains(t, body, `"refused_count":1,"refused":[{"index":1,"error":"record_too_large"`)
	events, _ := stored(t, opts)
	require.Len(t, events, 2)
	require.Contains(t, events, "thin0")
	require.Contains(t, events, "thin1")
	require.Equal(t, 2.0, f.value(t, "leadstream_ingest_events_total"))
}
