package ingest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap/zaptest"

	"leadstream/ingest/dedup"
	"leadstream/ingest/hooks"
)

// repeating is a service whose memory of ids lies in dir.
func repeating(dir string) func(*Config, *Deps) {
	return func(c *Config, _ *Deps) { c.Dedup.Dir = dir }
}

// TestARepeatIsThankedAndNotKept: through the front door of every kind of id there is, also after a restart.
func TestARepeatIsThankedAndNotKept(t *testing.T) {
	hook := func(c *Config, _ *Deps) {
		c.Hooks = []hooks.Config{{Kind: "meta", Name: "acme", Site: "demo", Secret: "app-secret", Token: "verify-me"}}
	}
	lead := `{"object":"page","entry":[{"id":"1","time":1772446540,"changes":[{"field":"leadgen","value":{"leadgen_id":7,"form_id":"9","created_time":1772446530}}]}]}`
	requests := []struct {
		method, path, body string
		headers            []string
		events             int
	}{
		{"POST", "/v1/track?key=demo", `{"messageId":"m1","userId":"u","event":"x"}`, nil, 1},
		{"POST", "/v1/events?key=demo", `[{"type":"page","event_id":"n1","anonymous_id":"a"},{"type":"page","event_id":"n2","anonymous_id":"a"}]`, nil, 2},
		{"POST", "/v1/events", `{"type":"crm","event_id":"c1","anonymous_id":"a","properties":{"stage":"won"}}`, []string{"Authorization", "Bearer demo-secret"}, 1},
		{"GET", "/v1/pixel.gif?key=demo&type=track&name=Opened&user_id=u&event_id=p1", "", nil, 1},
		{"POST", "/g/collect?v=2&tid=demo&cid=1.2&sid=3&_p=99&_s=1&en=page_view&dl=https%3A%2F%2Facme.example%2F", "", nil, 1},
		{"POST", "/g/collect?v=2&tid=demo&cid=1.2&sid=3&_p=99&_s=2&dl=https%3A%2F%2Facme.example%2F", "en=scroll\r\nen=click&ep.link_url=https%3A%2F%2Fb.example", nil, 2},
		{"POST", "/mp/collect?measurement_id=demo", `{"client_id":"c","timestamp_micros":"1772446530000000","events":[{"name":"generate_lead"},{"name":"generate_lead"}]}`, nil, 2},
		{"GET", "/matomo.php?idsite=demo&rec=1&_id=0123456789abcdef&rand=1&url=https%3A%2F%2Facme.example%2F", "", nil, 1},
		{"POST", "/hooks/meta/acme", lead, []string{"X-Hub-Signature-256", "sha256=" + signature("app-secret", lead)}, 1},
	}
	_, opts := broker(t)
	dir := t.TempDir()
	f := start(t, opts, repeating(dir), hook)
	want := 0
	for round := range 3 {
		if round == 2 {
			require.NoError(t, f.stop())
			f = start(t, opts, repeating(dir), hook)
		}
		repeats := 0
		for _, r := range requests {
			answer, body := f.ask(t, r.method, r.path, r.body, r.headers...)
			require.Equal(t, 2, answer.StatusCode/100, "%s: %s", r.path, body)
			require.NotContains(t, body, "refused")
			if repeats += r.events; round == 0 {
				want += r.events
				repeats = 0
			}
		}
		require.EqualValues(t, repeats, f.value(t, "leadstream_ingest_repeats_total", "site", "demo"))
		events, times := stored(t, opts)
		require.Len(t, events, want, "two real events never share an id")
		for id, n := range times {
			require.Equal(t, 1, n, "%s, round %d", id, round)
		}
	}
	require.EqualValues(t, want, f.value(t, "leadstream_ingest_dedup_ids"), "as the restart read them")
}

// TestTheIDRules: what else is in the event does not matter, but for the site and the kind of key.
func TestTheIDRules(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	send := func(key, body string) {
		answer, text := f.ask(t, "POST", "/v1/events", body, "Authorization", "Bearer "+key)
		require.Equal(t, 200, answer.StatusCode, text)
	}
	send("demo", `{"type":"page","event_id":"e1","anonymous_id":"a"}`)
	send("demo", `{"type":"track","name":"other","event_id":"e1","anonymous_id":"b"}`)
	send("shop", `{"type":"page","event_id":"e1","anonymous_id":"a"}`)
	send("demo-secret", `{"type":"crm","event_id":"e1","anonymous_id":"a","properties":{"stage":"won"}}`)
	_, times := stored(t, opts)
	require.Equal(t, map[string]int{"e1": 3}, times, "whoever guesses a deal's id cannot make it a repeat")
	send("demo", `[{"type":"page","event_id":"e2","anonymous_id":"a"},{"type":"page","event_id":"e2","anonymous_id":"a"}]`)
	send("demo", "["+strings.Repeat(`{"type":"page","event_id":"e3","anonymous_id":"a"},`, 99)+`{"type":"page","event_id":"e4","anonymous_id":"a"}]`)
	send("demo", `[{"type":"nonsense","event_id":"e5","anonymous_id":"a"},{"type":"page","event_id":"e5","anonymous_id":"a"}]`)
	_, times = stored(t, opts)
	require.Equal(t, map[string]int{"e1": 3, "e2": 1, "e3": 1, "e4": 1, "e5": 1}, times, "a refused event was not kept: the next of its id is")
	require.Equal(t, 1.0+1+98, f.value(t, "leadstream_ingest_repeats_total"))
}

func TestAnEventWithoutAnIDIsAlwaysNew(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	for range 3 {
		f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a"}`)
	}
	events, _ := stored(t, opts)
	require.Len(t, events, 3)
	require.Zero(t, f.value(t, "leadstream_ingest_dedup_ids"), "an id that no sender knows needs no place")
}

func TestWithoutAWindowEveryRepeatIsKept(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts, func(c *Config, _ *Deps) { c.Dedup.Window = 0 })
	require.Equal(t, 200, f.post("e1"))
	require.Equal(t, 200, f.post("e1"))
	_, times := stored(t, opts)
	require.Equal(t, 2, times["e1"])
}

// TestHistoryIsLeftToTheFold: an import does not push out of memory what visitors sent.
func TestHistoryIsLeftToTheFold(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	for range 2 {
		answer, _ := f.ask(t, "POST", "/v1/events", `{"type":"page","event_id":"h1","anonymous_id":"a","timestamp":"2025-03-04T10:00:00Z","received_at":"2025-03-04T10:00:00Z"}`,
			"Authorization", "Bearer shop-secret")
		require.Equal(t, 200, answer.StatusCode)
	}
	_, times := stored(t, opts)
	require.Equal(t, 2, times["h1"])
	require.Zero(t, f.value(t, "leadstream_ingest_dedup_ids"))
}

// TestAnIDIsNotedOnlyOnceItsEventIsKept: while the broker refuses, the sender is told 503, and its retry is not a repeat.
func TestAnIDIsNotedOnlyOnceItsEventIsKept(t *testing.T) {
	cluster, opts := broker(t)
	f := start(t, opts, func(c *Config, _ *Deps) { c.ProduceTimeout = time.Second })
	away := breakable(cluster, refuses)
	away.on.Store(true)
	require.Equal(t, 503, f.post("e1"))
	require.Zero(t, f.value(t, "leadstream_ingest_dedup_ids"))
	away.on.Store(false)
	require.Eventually(t, func() bool { return f.post("e1") == 200 }, time.Minute, 50*time.Millisecond)
	events, _ := stored(t, opts)
	require.Contains(t, events, "e1")
}

// TestARepeatUnderWayIsLetThrough: two deliveries of one event at once are both kept and both answered, neither before its own is
// durable; the third, later, is known.
func TestARepeatUnderWayIsLetThrough(t *testing.T) {
	cluster, opts := broker(t)
	f := start(t, opts)
	hold, arrived := make(chan struct{}), make(chan struct{}, 10)
	cluster.ControlKey(produceKey, func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		arrived <- struct{}{}
		cluster.SleepControl(func() { <-hold })
		return nil, nil, false
	})
	answers := make(chan int, 2)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { answers <- f.post("e1") })
	}
	<-arrived
	require.Never(t, func() bool { return len(answers) > 0 }, 300*time.Millisecond, 20*time.Millisecond, "no 2xx before the broker has it")
	close(hold)
	both.Wait()
	require.Equal(t, 200, <-answers)
	require.Equal(t, 200, <-answers)
	require.Equal(t, 200, f.post("e1"))
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_repeats_total"))
}

// TestAKilledCollectorKnowsItsRepeats: kill -9, and the next process at the same folder drops what the last one kept.
func TestAKilledCollectorKnowsItsRepeats(t *testing.T) {
	cluster, opts := broker(t)
	dir := t.TempDir()
	process, f := child(t, cluster.ListenAddrs(), childDedup+"="+dir)
	const n = 200
	for i := range n {
		require.Equal(t, 200, f.post(fmt.Sprint("e", i)))
	}
	require.Eventually(t, func() bool { return onDisk(t, dir) == n }, time.Minute, 10*time.Millisecond, "ids are on disk a moment after the answer")
	require.NoError(t, process.Process.Kill())
	_ = process.Wait() // "signal: killed"
	process, f = child(t, cluster.ListenAddrs(), childDedup+"="+dir)
	for i := range n + 1 {
		require.Equal(t, 200, f.post(fmt.Sprint("e", i)))
	}
	require.NoError(t, process.Process.Kill())
	_ = process.Wait()
	_, times := stored(t, opts)
	require.Len(t, times, n+1)
	for id, times := range times {
		require.Equal(t, 1, times, id)
	}
}

// onDisk counts the ids in a copy of the folder, since the folder itself is taken.
func onDisk(t *testing.T, dir string) int {
	copied := t.TempDir()
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
	registry := prometheus.NewRegistry()
	cfg := dedup.DefaultConfig()
	cfg.Dir = copied
	w, err := dedup.Open(cfg, dedup.Deps{Log: zaptest.NewLogger(t), Registry: registry})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return int((&fixture{registry: registry}).value(t, "leadstream_ingest_dedup_ids"))
}

func TestTheDedupFolderIsRefusedWithItsKey(t *testing.T) {
	_, opts := broker(t)
	dir := t.TempDir()
	start(t, opts, repeating(dir))
	cfg := testConfig()
	cfg.Dedup.Dir = dir
	_, err := New(cfg, Deps{Log: zaptest.NewLogger(t), Registry: prometheus.NewRegistry(), KafkaOpts: opts})
	require.ErrorContains(t, err, "ingest.dedup.dir: dedup: the folder "+dir+" is in use by another leadstream")
}
