package ingest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap/zaptest"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// outage makes a broker refuse or ignore what is produced, while it lasts.
type outage struct {
	on    atomic.Bool
	calls atomic.Int64
}

func breakable(cluster *kfake.Cluster, how func(*kmsg.ProduceRequest) (kmsg.Response, error)) *outage {
	o := &outage{}
	cluster.ControlKey(produceKey, func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !o.on.Load() {
			return nil, nil, false
		}
		o.calls.Add(1)
		answer, err := how(r.(*kmsg.ProduceRequest))
		return answer, err, true
	})
	return o
}

func refuses(r *kmsg.ProduceRequest) (kmsg.Response, error) {
	return failed(r, kerr.NotEnoughReplicas.Code), nil
}

func hangsUp(*kmsg.ProduceRequest) (kmsg.Response, error) { return nil, errors.New("gone") }

// spooling is a service with a spool in dir and little patience.
func spooling(t testing.TB, opts []KafkaOption, dir string, alter ...func(*Config, *Deps)) *fixture {
	t.Helper()
	quick := append(opts, kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
	return start(t, quick, append([]func(*Config, *Deps){func(c *Config, _ *Deps) {
		c.Spool.Dir = dir
		c.ProduceTimeout = time.Second
	}}, alter...)...)
}

func (f *fixture) drained(t testing.TB) {
	t.Helper()
	require.NoError(t, f.delivery.spool.WaitDrained(t.Context()))
}

// TestAwayIsNotLost: the broker refuses, or hangs up; every event is answered 200 and is in the topic once it is back.
func TestAwayIsNotLost(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for faults to pass; `make test` runs it")
	}
	for name, how := range map[string]func(*kmsg.ProduceRequest) (kmsg.Response, error){"refuses": refuses, "hangs up": hangsUp} {
		t.Run(name, func(t *testing.T) {
			cluster, opts := broker(t)
			o := breakable(cluster, how)
			f := spooling(t, opts, t.TempDir())
			require.Equal(t, 200, f.post("before"))
			require.Zero(t, f.value(t, "leadstream_ingest_spool_appends_total"), "while all is well, the disk has nothing to do")
			o.on.Store(true)
			accepted := sendAll(f, 20, 5)
			require.Len(t, accepted, 100, "nobody was refused")
			require.Equal(t, 100.0, f.value(t, "leadstream_ingest_spool_appends_total"))
			require.Equal(t, 101.0, f.value(t, "leadstream_ingest_events_total"))
			require.NoError(t, f.Ready(t.Context()), "events can be kept")
			require.False(t, f.delivery.spool.Direct())
			o.on.Store(false)
			f.drained(t)
			require.Equal(t, 200, f.post("after"))
			require.Equal(t, 100.0, f.value(t, "leadstream_ingest_spool_appends_total"), "the last one went directly")
			events, _ := stored(t, opts)
			for id := range accepted {
				require.Contains(t, events, id)
			}
			require.Len(t, events, 102)
		})
	}
}

// TestAwayAcrossARestart: the collector ends while the broker is away. What it kept is the next one's first work.
func TestAwayAcrossARestart(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for faults to pass; `make test` runs it")
	}
	cluster, opts := broker(t)
	o := breakable(cluster, refuses)
	dir := t.TempDir()
	f := spooling(t, opts, dir)
	o.on.Store(true)
	accepted := sendAll(f, 10, 3)
	require.Len(t, accepted, 30)
	require.NoError(t, f.stop(), "a broker that is away is no reason to end badly")
	events, _ := stored(t, opts)
	require.Empty(t, events)
	o.on.Store(false)
	f = spooling(t, opts, dir)
	f.drained(t)
	events, _ = stored(t, opts)
	require.Len(t, events, 30)
}

// TestAVisitorsOrderOutlivesAnOutage: one visitor's events, sent one after another through an outage, first arrive in order.
func TestAVisitorsOrderOutlivesAnOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for faults to pass; `make test` runs it")
	}
	cluster, opts := broker(t)
	o := breakable(cluster, refuses)
	f := spooling(t, opts, t.TempDir())
	for n := range 60 {
		o.on.Store(n >= 10 && n < 40)
		body := fmt.Sprintf(`{"type":"track","name":"x","anonymous_id":"one","event_id":"%03d"}`, n)
		answer, text := f.ask(t, "POST", "/v1/events?key=demo", body)
		require.Equal(t, 200, answer.StatusCode, text)
	}
	f.drained(t)
	seen, next := map[string]bool{}, 0
	for _, r := range records(t, opts, schemas.TopicEvents) {
		e := &pb.Event{}
		require.NoError(t, proto.Unmarshal(r.Value, e))
		if !seen[e.EventId] {
			require.Equal(t, fmt.Sprintf("%03d", next), e.EventId)
			seen[e.EventId] = true
			next++
		}
	}
	require.Equal(t, 60, next)
	require.Positive(t, f.value(t, "leadstream_ingest_spool_drained_total"))
}

// TestAlwaysThroughTheSpool is the embedded broker's way: on disk first, in the topic at once.
func TestAlwaysThroughTheSpool(t *testing.T) {
	_, opts := broker(t)
	f := spooling(t, opts, t.TempDir(), func(c *Config, _ *Deps) { c.Spool.Always, c.Spool.KeepFor = true, time.Minute })
	require.Len(t, sendAll(f, 20, 5), 100)
	require.Equal(t, 100.0, f.value(t, "leadstream_ingest_spool_appends_total"))
	f.drained(t)
	events, times := stored(t, opts)
	require.Len(t, events, 100)
	for id, n := range times {
		require.Equal(t, 1, n, id)
	}
	require.NoError(t, f.stop())
}

// TestASpoolThatIsFullIs503: with the broker away and no room left, the sender is told when to come again.
func TestASpoolThatIsFullIs503(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for faults to pass; `make test` runs it")
	}
	cluster, opts := broker(t)
	o := breakable(cluster, refuses)
	f := spooling(t, opts, t.TempDir(), func(c *Config, _ *Deps) { c.Spool.SegmentBytes, c.Spool.MaxBytes = 64<<10, 128<<10 })
	o.on.Store(true)
	fat := fmt.Sprintf(`{"type":"track","name":"x","anonymous_id":"a","properties":{"x":"%s"}}`, strings.Repeat("x", 30_000))
	kept := 0
	for range 20 {
		answer, body := f.ask(t, "POST", "/v1/events?key=demo", fat)
		if answer.StatusCode == 200 {
			kept++
			continue
		}
		refusedWithWord(t, answer, body, spoolFull)
		break
	}
	require.Equal(t, 4, kept)
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_refused_total", "reason", "spool_full"))
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_spool_full_total"))
	o.on.Store(false)
	f.drained(t)
	answer, body := f.ask(t, "POST", "/v1/events?key=demo", fat)
	require.Equal(t, 200, answer.StatusCode, body)
}

// TestARecordThatNoBrokerTakes does not stop those behind it.
func TestARecordThatNoBrokerTakes(t *testing.T) {
	cluster, opts := broker(t)
	bad := atomic.Bool{}
	bad.Store(true)
	cluster.ControlKey(produceKey, func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if bad.Load() {
			return failed(r.(*kmsg.ProduceRequest), kerr.MessageTooLarge.Code), nil, true
		}
		return nil, nil, false
	})
	dir := t.TempDir()
	f := spooling(t, opts, dir)
	require.Equal(t, 200, f.post("too large for this broker"))
	f.drained(t)
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_spool_refused_total"))
	aside, err := filepath.Glob(filepath.Join(dir, "*.bad"))
	require.NoError(t, err)
	require.Len(t, aside, 1)
	bad.Store(false)
	require.Equal(t, 200, f.post("next"))
	events, _ := stored(t, opts)
	require.Len(t, events, 1)
	require.Contains(t, events, "next")
}

// TestADiskThatFailsIs503 once the broker is away too; while the broker is there, nobody notices.
func TestADiskThatFailsIs503(t *testing.T) {
	cluster, opts := broker(t)
	o := breakable(cluster, refuses)
	dir := filepath.Join(t.TempDir(), "spool")
	f := spooling(t, opts, dir)
	require.NoError(t, os.RemoveAll(dir)) // no segment can be created any more
	require.Equal(t, 200, f.post("direct"))
	o.on.Store(true)
	answer, body := f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a"}`)
	refusedWithWord(t, answer, body, spoolFailed)
	require.Equal(t, 1.0, f.value(t, "leadstream_ingest_produce_failed_total", "why", "spool_failed"))
}

func TestTwoCollectorsNeedTwoSpools(t *testing.T) {
	_, opts := broker(t)
	dir := t.TempDir()
	spooling(t, opts, dir)
	cfg := testConfig()
	cfg.Spool.Dir = dir
	_, err := New(cfg, Deps{Log: zaptest.NewLogger(t), Registry: prometheus.NewRegistry(), KafkaOpts: opts})
	require.ErrorContains(t, err, "ingest.spool.dir: spool: the folder "+dir+" is in use by another leadstream")
}

// TestAStartThatFailsLetsTheSpoolGo: the port is taken; the next try finds the folder free.
func TestAStartThatFailsLetsTheSpoolGo(t *testing.T) {
	_, opts := broker(t)
	first := start(t, opts)
	cfg := testConfig()
	cfg.Listen, cfg.Spool.Dir = first.Addr().String(), t.TempDir()
	for range 2 {
		_, err := New(cfg, Deps{Log: zaptest.NewLogger(t), Registry: prometheus.NewRegistry(), KafkaOpts: opts})
		require.ErrorContains(t, err, "ingest.listen")
	}
}
