package scoring

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"leadstream/schemas"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// restore brings partitions up to the changelog's high watermark: a snapshot if
// there is a good one and no state yet, then the tail.
func (s *session) restore(ctx context.Context, parts map[int32]*partition) error {
	starts, ends, err := bounds(ctx, s.admin, schemas.TopicLeads)
	if err != nil {
		return err
	}
	r := newRestorer(s, parts)
	defer r.finish()
	tail := s.newTail(schemas.TopicLeads, func(rec *kgo.Record) {
		s.metrics.restoredRows.Inc()
		r.take(rec)
	})
	if err := s.bases(parts, starts, ends); err != nil {
		return err
	}
	for num, p := range parts {
		tail.add(num, p.changelog, offsetOf(ends, schemas.TopicLeads, num))
	}
	if err := tail.read(ctx); err != nil {
		return err
	}
	for num, p := range parts {
		p.changelog = max(p.changelog, offsetOf(ends, schemas.TopicLeads, num))
	}
	return r.believe(ctx)
}

// bases loads the snapshots, a few at a time.
func (s *session) bases(parts map[int32]*partition, starts, ends kadm.ListedOffsets) error {
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for num, p := range parts {
		work.Go(func() error {
			return s.base(p, offsetOf(starts, schemas.TopicLeads, num), offsetOf(ends, schemas.TopicLeads, num))
		})
	}
	return work.Wait()
}

// base is what the tail is read on top of: the state in memory, a snapshot, or nothing.
func (s *session) base(p *partition, start, end int64) error {
	if p.changelog == 0 {
		if err := s.loadSnapshot(p, start, end); err != nil {
			return err
		}
	}
	if p.changelog >= start {
		return nil
	}
	if p.fence != noFence {
		// Retention took records between the snapshot and the oldest kept one. The
		// events after the snapshot give the same state again, so they are read again.
		s.log.Warn("scoring: the changelog has a gap after the snapshot; reading events again from there",
			zap.Int32("partition", p.num), zap.Int64("snapshot", p.changelog), zap.Int64("oldest kept", start))
		p.rewind, p.changelog = true, end
		return nil
	}
	s.log.Error("scoring: the changelog's beginning is gone and there is no snapshot: leads that did not change since start from nothing",
		zap.Int32("partition", p.num), zap.Int64("oldest kept", start))
	p.changelog = start
	return nil
}

// tail reads a topic from given places to its high watermark, committed records
// only; take is shown control records, too.
type tail struct {
	*session
	topic string
	take  func(*kgo.Record)
	from  map[int32]kgo.Offset
	until map[int32]int64 // partitions still to be read, and to where
	// stable is set when nothing was open any more below any end.
	stable bool

	mu      sync.Mutex
	answers map[int32]int // by broker: fetches answered since the last record
	quiet   time.Time     // when the last record came
}

func (s *session) newTail(topic string, take func(*kgo.Record)) *tail {
	return &tail{session: s, topic: topic, take: take, from: map[int32]kgo.Offset{}, until: map[int32]int64{}}
}

// add makes a partition one to be read, unless there is nothing to read in it.
func (t *tail) add(num int32, from, until int64) {
	if from < until {
		t.from[num], t.until[num] = kgo.NewOffset().At(from), until
	}
}

// OnBrokerRead counts answers to fetches; see drained.
func (t *tail) OnBrokerRead(b kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.Fetch) && err == nil {
		t.mu.Lock()
		t.answers[b.NodeID]++
		t.mu.Unlock()
	}
}

// heard starts the wait for silence anew.
func (t *tail) heard() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers, t.quiet = map[int32]int{}, time.Now()
}

func (t *tail) read(ctx context.Context) error {
	if len(t.until) == 0 {
		return nil
	}
	t.heard()
	opts := append(append([]kgo.Opt{}, t.Worker.kafka...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{t.topic: t.from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // they fill most of the places where no committed record is
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(250*time.Millisecond),
		kgo.WithHooks(t),
	)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("scoring: kafka client to restore: %w", err)
	}
	defer client.Close()
	for len(t.until) > 0 {
		if err := t.poll(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

func (t *tail) poll(ctx context.Context, client *kgo.Client) error {
	pollCtx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	fetches := client.PollRecords(pollCtx, 10_000)
	if ctx.Err() != nil {
		return fmt.Errorf("scoring: restore: %w", ctx.Err())
	}
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, context.DeadlineExceeded) {
			return fmt.Errorf("scoring: restore: reading %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	if fetches.NumRecords() == 0 {
		return t.drained(ctx)
	}
	t.heard()
	fetches.EachRecord(func(r *kgo.Record) {
		t.take(r)
		if until, reading := t.until[r.Partition]; reading && r.Offset+1 >= until {
			delete(t.until, r.Partition)
		}
	})
	return nil
}

// How long nothing has to come before places that never show are given up. The
// embedded broker is one, and answers at once. In a cluster silence can also be
// a leader that died: its successor has records for us, and the client hears of
// it after 5 s, or 20 when the dead one does not even refuse connections. A
// cluster shows nearly every place in the end (the marker follows what was
// aborted, and compaction leaves the last record), so the long wait is rare.
const (
	silenceEmbedded = time.Second
	silenceCluster  = 30 * time.Second
)

// drained gives up waiting for places that never show: records of aborted
// transactions are hidden, and the embedded broker writes no marker after one
// that was open when it was killed. The rest is such if nothing is open any
// more below the end, and every broker, asked again since that was so, had
// nothing more to give.
func (t *tail) drained(ctx context.Context) error {
	if !t.silent(time.Now()) {
		return nil
	}
	stable, err := listed(t.admin.ListCommittedOffsets(ctx, t.topic))
	if err != nil {
		return fmt.Errorf("scoring: stable offsets of %s: %w", t.topic, err)
	}
	return t.settle(stable)
}

// silent tells whether the brokers have nothing to give. In a cluster one that
// answered once may be gone, and is not waited for.
func (t *tail) silent(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	quiet, patient, all := now.Sub(t.quiet), 0, true
	for _, n := range t.answers {
		if n >= 3 {
			patient++
		} else {
			all = false
		}
	}
	if t.cfg.FreshTransactionalID { // the embedded broker
		return quiet > silenceEmbedded && patient > 0 && all
	}
	return quiet > silenceCluster && patient > 0
}

// settle ends the partitions that have nothing open below their end; it needs
// to see that twice, with answers in between.
func (t *tail) settle(stable kadm.ListedOffsets) error {
	for num, until := range t.until {
		if offsetOf(stable, t.topic, num) < until {
			t.heard() // an open transaction: its end, or the broker's timeout for it, will come
			return nil
		}
	}
	if !t.stable {
		t.stable = true
		t.heard()
		return nil
	}
	clear(t.until)
	return nil
}
