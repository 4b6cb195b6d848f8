package sink

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

// pause and resume tell the outside that ClickHouse is away, once, and back, once.
func (w *worker) pause(err error) {
	if w.paused.Swap(&err) == nil {
		w.metrics.paused.Set(1)
		w.log.Error("sink: cannot write, reading waits and the batch is tried again", zap.Error(err))
	}
	w.air.Lock()
	defer w.air.Unlock()
	if oldest, _, ok := w.flying.receiptRange(); ok {
		w.metrics.lagSeconds.Set(float64(time.Now().UnixMilli()-oldest) / 1000)
	}
}

func (w *worker) resume() {
	if w.paused.Swap(nil) != nil {
		w.metrics.paused.Set(0)
		w.log.Info("sink: writing again")
	}
}

// insist does a thing again, with growing pauses, until it is done or ctx ends.
func (w *worker) insist(ctx context.Context, try func() error) {
	pause := 50 * time.Millisecond
	for {
		err := try()
		if err == nil {
			w.resume()
			return
		}
		w.pause(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if !errors.Is(err, errSingling) { // that one was at work, not in vain
			pause = min(2*pause, w.cfg.RetryMax)
		}
	}
}
