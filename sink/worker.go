package sink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// worker reads, batches, writes and commits. One goroutine does it in turn:
// the client fetches ahead meanwhile, and when ClickHouse is slow or away
// nothing is asked for and memory stays bounded.
type worker struct {
	*Sink
	client *kgo.Client
	// Closed when client is there: the client may join the group, and ask rewindRegrown, before NewClient has returned it.
	made chan struct{}
	in   *inserter

	// mu guards the batch against a rebalance, which comes on the client's
	// goroutine between two polls.
	mu    sync.Mutex
	batch *batch
	lag   lag
	// uncommitted is true from the first failed commit to the next good one: one line a trouble, not one a batch.
	uncommitted bool
	erased      erased
	// hard ends inserts and commits that a stop has waited for too long.
	hard context.Context
}

func newWorker(s *Sink, in *inserter) *worker {
	return &worker{Sink: s, in: in, made: make(chan struct{}), batch: cutBatch(s.cfg), lag: lag{}, erased: erased{server: s.server}}
}

func (w *worker) run(ctx context.Context) error {
	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	w.hard = hard
	defer context.AfterFunc(ctx, func() { time.AfterFunc(w.cfg.Drain, stop) })()
	w.awaitErased(ctx)
	go w.followErased(ctx)
	for ctx.Err() == nil {
		w.poll(ctx)
		if w.due() {
			w.flush(ctx)
		}
	}
	return w.drain()
}

// poll waits for records, at most until the batch is due. While it holds
// records that are not in the batch yet, no rebalance can take their partitions.
func (w *worker) poll(ctx context.Context) {
	room, deadline := w.room()
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	fetches := w.client.PollRecords(ctx, room)
	defer w.client.AllowRebalance()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		for _, rec := range p.Records {
			if w.erased.has(rec) {
				w.batch.pass(rec, now)
				w.metrics.erased.Inc()
				continue
			}
			w.batch.add(rec, now)
		}
		w.lag.saw(p)
	})
	w.metrics.pending.Set(float64(len(w.batch.records)))
	fetches.EachError(func(topic string, part int32, err error) {
		if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, kgo.ErrClientClosed) {
			// The client goes on by itself, with pauses.
			w.log.Warn("sink: cannot read", zap.String("topic", topic), zap.Int32("partition", part), zap.Error(err))
		}
	})
}

// pollRecords bounds what is taken at once, so that large records end a batch near its bytes and not at its rows.
const pollRecords = 1000

// room is how many records still fit, and when the batch is due.
func (w *worker) room() (int, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.batch.empty() {
		return min(pollRecords, w.cfg.Batch.Rows), time.Time{}
	}
	return max(1, min(pollRecords, w.cfg.Batch.Rows-len(w.batch.records))), w.batch.born.Add(w.cfg.Batch.Age)
}

func (w *worker) due() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.batch
	return !b.empty() && (len(b.records) >= w.cfg.Batch.Rows || b.bytes >= int(w.cfg.Batch.Bytes) || time.Since(b.born) >= w.cfg.Batch.Age)
}

// flush writes the batch, as often as it takes. Between two tries the lock is
// free, so that a rebalance can take the batch's partitions away.
func (w *worker) flush(ctx context.Context) {
	w.insist(ctx, func() error { return w.tryFlush(w.hard) }) // after ctx drain goes on, as long as it may
}

// tryFlush keeps the order that the promise rests on.
func (w *worker) tryFlush(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.batch.empty() {
		return nil
	}
	// 1. The rows are parts on ClickHouse's disk. A crash from here on repeats
	//    them, and the tables' keys make repeats one.
	w.batch.seal()
	if err := w.in.write(ctx, w.batch); err != nil {
		return err
	}
	// 2. What became no row is in dead-letter, on all in-sync replicas.
	if err := sendDeadLetters(ctx, w.client, w.batch.refused, time.Now()); err != nil {
		return err
	}
	// 3. Only now the offsets move: a record behind them is in one place or the other.
	w.noteCommit(w.commit(ctx))
	w.finish()
	return nil
}

// noteCommit: the rows are safe either way. Whoever owns the partitions next
// reads what is not committed again.
func (w *worker) noteCommit(err error) {
	if err != nil {
		w.metrics.commitFails.Inc()
		if !w.uncommitted {
			w.log.Warn("sink: the batch is written, but its offsets are not committed; its rows may be written again, which changes no answer", zap.Error(err))
		}
	}
	w.uncommitted = err != nil
}

// finish counts the batch and empties it.
func (w *worker) finish() {
	w.metrics.tookBatch(w.batch, time.Now())
	w.metrics.pending.Set(0)
	w.lag.wrote(w.batch.spans)
	w.lag.publish(w.metrics)
	w.logRefused()
	w.batch.reset()
}

// commit moves the offsets and looks at every partition's answer.
func (w *worker) commit(ctx context.Context) error {
	var failed error
	w.client.CommitOffsetsSync(w.batch.withFingerprints(ctx), w.batch.offsets(), func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			failed = err
			return
		}
		for _, topic := range resp.Topics {
			for _, part := range topic.Partitions {
				if err := kerr.ErrorForCode(part.ErrorCode); err != nil {
					failed = fmt.Errorf("commit %s/%d: %w", topic.Topic, part.Partition, err)
				}
			}
		}
	})
	return failed
}

// logRefused says one line a batch, with the first refusal: a flood of bad records must not become a flood of lines.
func (w *worker) logRefused() {
	if len(w.batch.refused) == 0 {
		return
	}
	first := w.batch.refused[0]
	w.log.Warn("sink: records went to dead-letter",
		zap.Int("records", len(w.batch.refused)), zap.String("first_reason", first.why.reason), zap.Error(first.why.err),
		zap.String("topic", first.Topic), zap.Int32("partition", first.Partition), zap.Int64("offset", first.Offset))
}

// drain is the last flush of a stop.
func (w *worker) drain() error {
	for {
		err := w.tryFlush(w.hard)
		if err == nil {
			return nil
		}
		select {
		case <-w.hard.Done():
			return fmt.Errorf("sink: stopped with %d records unwritten, which the next start reads again: %w", len(w.batch.records), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
