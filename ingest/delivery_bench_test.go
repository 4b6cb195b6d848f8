package ingest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"leadstream/schemas/pb"
)

// BenchmarkDeliver is the price of keeping one event, by who keeps it: the broker, or the disk with the broker behind it. Both
// end in the broker of this process, so always carries the direct way's cost and the disk's.
func BenchmarkDeliver(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		for _, always := range []bool{false, true} {
			b.Run(fmt.Sprintf("callers=%d/always=%v", callers, always), func(b *testing.B) { benchDeliver(b, callers, always) })
		}
	}
}

func benchDeliver(b *testing.B, callers int, always bool) {
	_, opts := broker(b)
	cfg := testConfig()
	cfg.Spool.Dir, cfg.Spool.Always = b.TempDir(), always
	way, err := newDelivery(cfg, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry(), KafkaOpts: opts})
	require.NoError(b, err)
	way.start()
	event := &pb.Event{EventId: "e", Site: "demo", AnonymousId: "a", Type: "page", Url: "https://www.acme.example/pricing", UserAgent: "Mozilla/5.0"}
	left := atomic.Int64{}
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := way.deliver(context.Background(), letters{events: []*pb.Event{event}}, false); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	require.NoError(b, way.spool.WaitDrained(b.Context()))
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(b, way.close(ctx))
}
