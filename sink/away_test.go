package sink

import (
	"context"
	"encoding/base64"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// A real kill -9 of the server, in the middle of inserts, three times over. What it had acknowledged it still has,
// what it had not is sent again.
func TestARowAppearsOnceThoughClickHouseIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("needs ClickHouse; `make test` runs it")
	}
	cfg := embedded.DefaultClickHouseConfig()
	cfg.Dir, cfg.Addr, cfg.HTTPAddr, cfg.MaxMemory = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0", 1<<30
	own, err := embedded.StartClickHouse(t.Context(), cfg, os.Stderr)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Stop(context.Background())) })
	r := newRig(t)
	r.server = clickhouse.DefaultConfig()
	r.server.Addr = own.DSN("sinks")
	require.NoError(t, clickhouse.EnsureDatabase(t.Context(), r.server))
	r.conn = migrated(t, r.server)

	run := r.start(quick())
	const rounds, each = 3, 150
	for round := range rounds {
		before := run.sum(t, "leadstream_sink_batches_total")
		r.putViews(round*each, (round+1)*each)
		require.Eventually(t, func() bool { return run.sum(t, "leadstream_sink_batches_total") > before }, time.Minute, time.Millisecond)
		killed := own.PID()
		require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
		require.Eventually(t, func() bool { return own.PID() != killed && r.conn.Ping(t.Context()) == nil }, 90*time.Second, 50*time.Millisecond)
	}
	require.Eventually(t, func() bool { return run.sum(t, "leadstream_sink_records_total") >= 3*rounds*each }, time.Minute, 10*time.Millisecond)
	r.requireAll(rounds * each)
	require.NoError(t, run.stopped())
}

// One batch whose rows belong to 150 months is 150 parts, more than ClickHouse writes unasked, and no single step: the
// connection is cut in the middle, and the sets are the same.
func TestABatchOfManyMonthsIsWrittenOnce(t *testing.T) {
	r := newRig(t)
	p, start := r.behindProxy()
	const months = 150
	for i := range 2 * months {
		ev := pageView(i)
		ev.ReceivedAt = time.Date(2010, time.Month(1+i%months), 2, 0, 0, i, 0, time.UTC).UnixMilli()
		ev.EventTime = ev.ReceivedAt
		r.put(schemas.TopicEvents, 0, ev)
		r.put(schemas.TopicStages, 0, &pb.StageRow{LeadId: leadID(i), Site: "demo", Track: "main", To: "aware", At: ev.EventTime, EntryNo: 1, Direction: "promote"})
	}
	cfg := quick()
	cfg.Batch.Age = 2 * time.Second // all in one
	run := start(cfg)
	for range 4 {
		require.Eventually(t, func() bool { return run.sum(t, "leadstream_sink_pending_records") > 0 }, time.Minute, time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		p.setAway(true)
		time.Sleep(50 * time.Millisecond)
		p.setAway(false)
		if r.value("SELECT count() >= 300 FROM events FINAL") == "true" {
			break
		}
	}
	want := r.value("SELECT (count(), sum(cityHash64(printf('e%06d', number)))) FROM numbers(?)", 2*months)
	r.eventually(want, "SELECT (count(), sum(cityHash64(event_id))) FROM events FINAL")
	r.eventually("(300,300)", "SELECT (count(), uniqExact(lead_id)) FROM stage_log FINAL")
	r.eventually("150", "SELECT uniqExact(toYYYYMM(received_at)) FROM events")
	require.NoError(t, run.stopped())
	require.Zero(t, run.sum(t, "leadstream_sink_dead_letters_total"))
}

// ClickHouse is away for what would be an hour of events, SINK_OUTAGE_EVENTS of them (60,000 unless told: a thousand a
// minute). They stay in the topic: what the sink holds is a batch and what the client fetches ahead, and the heap does not
// grow with the topic.
func TestAnHourWithoutClickHouseCostsNoMemory(t *testing.T) {
	events := 60_000
	if told, err := strconv.Atoi(os.Getenv("SINK_OUTAGE_EVENTS")); err == nil {
		events = told
	}
	r := newRig(t)
	p, start := r.behindProxy()
	bytes := r.putPadded(events)
	before := heap()
	cfg := quick()
	cfg.Batch.Rows, cfg.Batch.Bytes = 20_000, 4<<20
	r.exec("RENAME TABLE events TO events_away") // the marks of erased leads can be read, so that batches are in hand when the rest goes away
	run := start(cfg)
	require.Eventually(t, func() bool {
		return run.sum(t, "leadstream_sink_paused") == 1 && run.sum(t, "leadstream_sink_pending_records") > 0
	}, time.Minute, 10*time.Millisecond)
	p.setAway(true)
	r.exec("RENAME TABLE events_away TO events")
	most := uint64(0)
	for range 10 { // the client fetches ahead until its buffer is full
		time.Sleep(100 * time.Millisecond)
		most = max(most, heap())
	}
	grown := int64(most) - int64(before)
	t.Logf("topic %d MiB; the heap grew by %d MiB", bytes>>20, grown>>20)
	require.Less(t, grown, int64(heldAtMost(cfg)), "the bound that docs/operate.md states")

	p.setAway(false)
	began := time.Now()
	r.awaitAsLongAsItGrows(events)
	t.Logf("caught up at %.0f events/s", float64(events)/time.Since(began).Seconds())
	require.NoError(t, run.stopped())
}

// awaitAsLongAsItGrows waits for the events; only a minute without a new one is a failure.
func (r *rig) awaitAsLongAsItGrows(events int) {
	r.Helper()
	last, since := "", time.Now()
	for last != strconv.Itoa(events) {
		now := r.value("SELECT uniqExact(event_id) FROM events")
		if now != last {
			last, since = now, time.Now()
		}
		require.Less(r, time.Since(since), time.Minute, "%s of %d events, and no more come", last, events)
		time.Sleep(50 * time.Millisecond)
	}
}

// putPadded produces events whose size in the topic is their size in memory, since they do not compress.
func (r *rig) putPadded(events int) (bytes int) {
	r.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range events {
		ev := pageView(i)
		pad := make([]byte, 1100)
		for at := range pad {
			pad[at] = byte(rng.Uint32())
		}
		ev.Properties = []byte(`{"pad":"` + base64.StdEncoding.EncodeToString(pad) + `"}`)
		bytes += len(ev.Properties)
		r.produceView(ev, int32(i%testPartitions))
	}
	require.NoError(r, r.producer.Flush(r.Context()))
	return bytes
}

// heldAtMost is the stated bound: the records of two batches with their columns, the fetch before them and the one ahead.
func heldAtMost(cfg Config) int { return 2*4*int(cfg.Batch.Bytes) + 3*fetchBytes }

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
