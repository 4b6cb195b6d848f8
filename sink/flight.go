package sink

import (
	"context"
	"fmt"
	"time"
)

// A batch is in the air from its last record to its commit. One at a time is, so that offsets move in order; the next one is
// decoded and encoded meanwhile, on the cores that ClickHouse leaves idle.

// done is a context that has ended: nothing is in the air.
func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (w *worker) aloft() bool { return w.landed.Err() == nil }

// launch sends the batch off, once the one before it has landed.
func (w *worker) launch(ctx context.Context) {
	select {
	case <-w.landed.Done():
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return // what flies may not have landed; drain sees to both
	}
	w.air.Lock()
	w.swap()
	w.air.Unlock()
	landed, land := context.WithCancel(context.Background())
	w.landed = landed
	go func() {
		defer land()
		w.flush(ctx)
	}()
}

// swap makes the filled batch the one in the air, and the one that has landed, empty, the next to fill. The caller holds air.
func (w *worker) swap() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flying, w.batch = w.batch, w.flying
}

// flush writes what is in the air, as often as it takes. Between two tries air is
// free, so that a rebalance can take the batch's partitions away.
func (w *worker) flush(ctx context.Context) {
	w.insist(ctx, func() error { return w.tryFlying(w.hard) }) // after ctx drain goes on, as long as it may
}

func (w *worker) tryFlying(ctx context.Context) error {
	w.air.Lock()
	defer w.air.Unlock()
	return w.settle(ctx, w.flying)
}

// tryBoth writes what is in the air, then what is being filled.
func (w *worker) tryBoth(ctx context.Context) error {
	w.air.Lock()
	defer w.air.Unlock()
	if err := w.settle(ctx, w.flying); err != nil {
		return err
	}
	w.swap()
	return w.settle(ctx, w.flying)
}

// settle keeps the order that the promise rests on. The caller holds air.
func (w *worker) settle(ctx context.Context, b *batch) error {
	if b.empty() {
		return nil
	}
	w.unmarked(b)
	// 1. The rows are parts on ClickHouse's disk. A crash from here on repeats
	//    them, and the tables' keys make repeats one.
	b.seal()
	if err := w.in.write(ctx, b); err != nil {
		return err
	}
	// 2. What became no row is in dead-letter, on all in-sync replicas.
	if err := sendDeadLetters(ctx, w.client, b.refused, time.Now()); err != nil {
		return err
	}
	// 3. Only now the offsets move: a record behind them is in one place or the other.
	w.noteCommit(w.commit(ctx, b))
	w.finish(b)
	return nil
}

// drain is the last flush of a stop.
func (w *worker) drain() error {
	<-w.landed.Done()
	for {
		err := w.tryBoth(w.hard)
		if err == nil {
			return nil
		}
		select {
		case <-w.hard.Done():
			return fmt.Errorf("sink: stopped with %d records unwritten, which the next start reads again: %w", w.unwritten(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (w *worker) unwritten() int {
	w.air.Lock()
	defer w.air.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.flying.records) + len(w.batch.records)
}
