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

// worker reads, batches, writes and commits. One batch is filled while the one before it is in the air (flight.go); when
// ClickHouse is slow or away nothing more is asked for, and memory stays bounded.
type worker struct {
	*Sink
	client *kgo.Client
	// Closed when client is there: the client may join the group, and ask rewindRegrown, before NewClient has returned it.
	made chan struct{}
	in   *inserter

	// mu guards the batch that is being filled against a rebalance, which comes on the client's
	// goroutine between two polls.
	mu    sync.Mutex
	batch *batch
	lag   lag
	// air guards the batch that is being written, for as long as a try lasts. It is locked before mu.
	air    sync.Mutex
	flying *batch
	// Done while nothing is being written; of the goroutine that polls alone.
	landed context.Context
	// uncommitted is true from the first failed commit to the next good one: one line a trouble, not one a batch.
	uncommitted bool
	erased      erased
	// hard ends inserts and commits that a stop has waited for too long.
	hard context.Context
}

func newWorker(s *Sink, in *inserter) *worker {
	return &worker{Sink: s, in: in, made: make(chan struct{}), batch: cutBatch(s.cfg), flying: cutBatch(s.cfg), landed: done(), lag: lag{}, erased: erased{server: s.server}}
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
			w.launch(ctx)
		}
	}
	return w.drain()
}

// poll waits for records, at most until the batch is due. While it holds
// records that are not in the batch yet, no rebalance can take their partitions.
func (w *worker) poll(ctx context.Context) {
	room, deadline := w.room()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	switch {
	case w.aloft(): // it is not due before the other one has landed
		defer context.AfterFunc(w.landed, cancel)()
	case !deadline.IsZero():
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	fetches := w.client.PollRecords(ctx, room)
	defer w.client.AllowRebalance()
	w.mu.Lock()
	defer w.mu.Unlock()
	now, before := time.Now(), len(w.batch.records)
	if w.batch.empty() {
		w.batch.marks = w.erased.until.Load()
	}
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
	w.metrics.pending.Add(float64(len(w.batch.records) - before))
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

// due tells whether the batch is to be written. By age it is not while another one is being written: then it grows, and the
// further behind the sink is, the larger the blocks are.
func (w *worker) due() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.batch
	switch {
	case b.empty():
		return false
	case len(b.records) >= w.cfg.Batch.Rows || b.bytes >= int(w.cfg.Batch.Bytes):
		return true
	case w.aloft():
		return w.paused.Load() != nil // reading waits
	}
	return time.Since(b.born) >= w.cfg.Batch.Age
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
func (w *worker) finish(b *batch) {
	w.metrics.tookBatch(b, time.Now())
	w.logRefused(b)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.metrics.pending.Sub(float64(len(b.records)))
	w.lag.wrote(b.spans)
	w.lag.publish(w.metrics)
	b.reset()
}

// commit moves the offsets and looks at every partition's answer.
func (w *worker) commit(ctx context.Context, b *batch) error {
	var failed error
	w.client.CommitOffsetsSync(b.withFingerprints(ctx), b.offsets(), func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
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
func (w *worker) logRefused(b *batch) {
	if len(b.refused) == 0 {
		return
	}
	first := b.refused[0]
	w.log.Warn("sink: records went to dead-letter",
		zap.Int("records", len(b.refused)), zap.String("first_reason", first.why.reason), zap.Error(first.why.err),
		zap.String("topic", first.Topic), zap.Int32("partition", first.Partition), zap.Int64("offset", first.Offset))
}
