package scoring

import (
	"context"
	"slices"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkLatency sends 20,000 events a second and measures from an event's place
// in its topic to a committed reader's sight of its ledger row, commit interval 100 ms.
//
//	go test ./scoring -run '^$' -bench Latency -benchtime 1x
func BenchmarkLatency(b *testing.B) {
	const rate, seconds = 20_000, 5
	r := newRig(b, b.TempDir(), 12)
	cfg := DefaultConfig()
	cfg.SnapshotDir = b.TempDir()
	w := r.start(cfg)
	require.Eventually(b, func() bool { return w.Ready(context.Background()) == nil }, time.Minute, time.Millisecond)
	feeder, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ProducerLinger(2*time.Millisecond), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	require.NoError(b, err)
	defer feeder.Close()
	reader, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ConsumeTopics(schemas.TopicLedger),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.NoError(b, err)
	defer reader.Close()
	events := crowd(1, rate*seconds)
	var waits []time.Duration
	for range b.N {
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				reader.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
					row := new(pb.LedgerRow)
					if row.UnmarshalVTUnsafe(rec.Value) == nil {
						waits = append(waits, time.Since(time.UnixMilli(row.ReceivedAt)))
					}
				})
			}
		}()
		began := time.Now()
		for i, ev := range events {
			if ahead := time.Duration(i)*time.Second/rate - time.Since(began); ahead > time.Millisecond {
				time.Sleep(ahead)
			}
			ev.ReceivedAt = time.Now().UnixMilli()
			ev.EventTime = ev.ReceivedAt
			value, err := ev.MarshalVT()
			require.NoError(b, err)
			feeder.Produce(context.Background(), &kgo.Record{Topic: schemas.TopicEvents, Key: []byte(schemas.EventKey(ev.Site, ev.AnonymousId, ev.UserId)), Value: value}, nil)
		}
		require.NoError(b, feeder.Flush(context.Background()))
		took := time.Since(began)
		r.settled(cfg.Group)
		time.Sleep(500 * time.Millisecond)
		stop()
		<-done
		b.ReportMetric(rate*seconds/took.Seconds(), "events/s")
	}
	slices.Sort(waits)
	for name, share := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99, "p999-ms": 0.999} {
		b.ReportMetric(float64(waits[int(share*float64(len(waits)-1))].Milliseconds()), name)
	}
	b.ReportMetric(0, "ns/op")
}
