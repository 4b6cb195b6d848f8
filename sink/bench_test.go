package sink

import (
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
)

const benchRows = 50_000

// measured reports rows a second, and this process's CPU time a row, which is
// true on a busy machine too. The server is another process.
func measured(b *testing.B, one func()) {
	before := cpuTime()
	for b.Loop() {
		one()
	}
	rows := float64(benchRows) * float64(b.N)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/1e3/rows, "cpu-us/row")
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func benchRecords(b *testing.B) []*kgo.Record {
	records := make([]*kgo.Record, benchRows)
	for i := range records {
		records[i] = record(b, schemas.TopicEvents, 0, int64(i), pageView(i))
	}
	return records
}

// BenchmarkEncode is the client's side alone: protobuf to columns.
func BenchmarkEncode(b *testing.B) {
	records, batch := benchRecords(b), newBatch()
	b.ReportAllocs()
	measured(b, func() {
		batch.reset()
		for _, rec := range records {
			batch.add(rec, time.Time{})
		}
	})
}

// BenchmarkInsert is a whole batch of 50,000 events into ClickHouse: decode, encode, insert.
// "raw" sends the same columns again and again: the most that the server and the wire allow.
func BenchmarkInsert(b *testing.B) {
	for _, compression := range []string{"none", "lz4"} {
		server := clickhouse.DefaultConfig()
		server.Addr, server.Compression = embeddedtest.ClickHouse(b), compression
		migrated(b, server)
		options, err := server.Columnar()
		require.NoError(b, err)
		m, err := newMetrics(prometheus.NewRegistry())
		require.NoError(b, err)
		records := benchRecords(b)
		b.Run("sink/"+compression, func(b *testing.B) {
			in := newInserter(options, DefaultConfig(), m)
			defer in.close()
			batch, n := newBatch(), int64(0)
			measured(b, func() {
				batch.reset()
				for _, rec := range records {
					rec.Offset = n // new offsets are a new token
					n++
					batch.add(rec, time.Time{})
				}
				batch.seal()
				require.NoError(b, in.write(b.Context(), batch))
			})
		})
		b.Run("raw/"+compression, func(b *testing.B) { benchRaw(b, options, records) })
	}
}

func benchRaw(b *testing.B, options ch.Options, records []*kgo.Record) {
	batch := newBatch()
	for _, rec := range records {
		batch.add(rec, time.Time{})
	}
	client, err := ch.Dial(b.Context(), options)
	require.NoError(b, err)
	defer func() { _ = client.Close() }()
	var input chproto.Input = batch.events.input()
	measured(b, func() {
		require.NoError(b, client.Do(b.Context(), ch.Query{Body: input.Into("events"), Input: input}))
	})
}
