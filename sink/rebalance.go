package sink

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// revokeWait bounds the write that a rebalance waits for.
const revokeWait = 10 * time.Second

func (w *worker) assigned(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
	w.joined.Store(true)
	w.log.Info("sink: partitions assigned", zap.Any("partitions", parts))
}

// revoked writes and commits what is held before its partitions go to another
// worker; when ClickHouse is away it is dropped, and the other worker
// reads the records again.
func (w *worker) revoked(ctx context.Context, _ *kgo.Client, _ map[string][]int32) {
	if w.paused.Load() == nil {
		ctx, cancel := context.WithTimeout(ctx, revokeWait)
		defer cancel()
		if err := w.tryBoth(ctx); err != nil {
			w.log.Warn("sink: cannot write before a rebalance", zap.Error(err))
		}
	}
	w.drop()
}

// lost is the same without a right to commit: the partitions are somebody else's already.
func (w *worker) lost(context.Context, *kgo.Client, map[string][]int32) {
	w.joined.Store(false)
	w.drop()
}

// drop gives up what is not written. The balancer is eager, so all that is held
// belongs to what was taken away.
func (w *worker) drop() {
	w.air.Lock()
	defer w.air.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.lag)
	w.metrics.pending.Set(0)
	for _, b := range []*batch{w.flying, w.batch} {
		if !b.empty() {
			w.metrics.dropped.Inc()
			b.reset()
		}
	}
}
