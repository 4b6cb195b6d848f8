package scoring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// restore brings partitions up to the changelog's high watermark: a snapshot if
// there is a good one and no state yet, then the tail.
func (s *session) restore(ctx context.Context, parts map[int32]*partition) error {
	starts, err := s.admin.ListStartOffsets(ctx, schemas.TopicLeads)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return fmt.Errorf("scoring: start offsets of leads: %w", err)
	}
	// The high watermark, not the last stable offset: see the package's doc.
	ends, err := s.admin.ListEndOffsets(ctx, schemas.TopicLeads)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("scoring: end offsets of leads: %w", err)
	}
	tail := &tail{session: s, until: map[int32]int64{}, parts: parts}
	for num, p := range parts {
		start, end := offsetOf(starts, schemas.TopicLeads, num), offsetOf(ends, schemas.TopicLeads, num)
		if s.base(p, start, end); p.changelog < end {
			tail.until[num] = end
		}
	}
	return tail.read(ctx)
}

// base is what the tail is read on top of: the state in memory, a snapshot, or nothing.
func (s *session) base(p *partition, start, end int64) {
	if p.changelog == 0 {
		s.loadSnapshot(p, end)
	}
	if p.changelog >= start {
		return
	}
	if p.fence != noFence {
		// Retention took records between the snapshot and the oldest kept one. The
		// events after the snapshot give the same state again, so they are read again.
		s.log.Warn("scoring: the changelog has a gap after the snapshot; reading events again from there",
			zap.Int32("partition", p.num), zap.Int64("snapshot", p.changelog), zap.Int64("oldest kept", start))
		p.rewind, p.changelog = true, end
		return
	}
	s.log.Error("scoring: the changelog's beginning is gone and there is no snapshot: leads that did not change since start from nothing",
		zap.Int32("partition", p.num), zap.Int64("oldest kept", start))
	p.changelog = start
}

// tail reads changelogs from where each partition stands to its high watermark,
// committed records only.
type tail struct {
	*session
	parts map[int32]*partition
	until map[int32]int64 // partitions still to be read, and to where
	// stable is set when nothing was open any more below any end.
	stable bool

	mu      sync.Mutex
	answers map[int32]int // by broker: fetches answered since the last record
	quiet   time.Time     // when the last record came
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
	at := map[int32]kgo.Offset{}
	for num := range t.until {
		at[num] = kgo.NewOffset().At(t.parts[num].changelog)
	}
	t.heard()
	opts := append(append([]kgo.Opt{}, t.Worker.kafka...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{schemas.TopicLeads: at}),
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
	fetches.EachRecord(t.take)
	return nil
}

// take puts one record of the changelog over what was known.
func (t *tail) take(r *kgo.Record) {
	p := t.parts[r.Partition]
	p.changelog = r.Offset + 1
	if until, reading := t.until[r.Partition]; reading && p.changelog >= until {
		delete(t.until, r.Partition)
	}
	if r.Attrs.IsControl() {
		return
	}
	p.fence.raise(readFence(r.Headers))
	if err := t.restoreLead(p, r); err != nil {
		t.metrics.unreadable.Inc()
		t.log.Error("scoring: a lead's record cannot be read; the lead starts from nothing",
			zap.Int32("partition", r.Partition), zap.Int64("offset", r.Offset), zap.ByteString("lead", r.Key), zap.Error(err))
	}
}

func (t *tail) restoreLead(p *partition, r *kgo.Record) error {
	if r.Value == nil { // erased
		id, err := schemas.ParseLeadID(string(r.Key))
		if err == nil {
			p.leads.forget(id)
		}
		return err
	}
	rec := new(pb.LeadRecord)
	if err := proto.Unmarshal(r.Value, rec); err != nil {
		return err
	}
	p.watermark = max(p.watermark, rec.ReceivedAt)
	return p.leads.restore(t.model, rec)
}

// drained gives up waiting for places that never show: records of aborted
// transactions are hidden, and the embedded broker writes no marker after one
// that was open when it was killed. The rest is such if nothing is open any
// more below the end, and every broker, asked again since that was so, had
// nothing more to give.
func (t *tail) drained(ctx context.Context) error {
	t.mu.Lock()
	silent := time.Since(t.quiet) > time.Second && len(t.answers) > 0
	for _, n := range t.answers {
		silent = silent && n >= 3
	}
	t.mu.Unlock()
	if !silent {
		return nil
	}
	stable, err := t.admin.ListCommittedOffsets(ctx, schemas.TopicLeads)
	if err == nil {
		err = stable.Error()
	}
	if err != nil {
		return fmt.Errorf("scoring: stable offsets of leads: %w", err)
	}
	return t.settle(stable)
}

// settle ends the partitions that have nothing open below their end; it needs
// to see that twice, with answers in between.
func (t *tail) settle(stable kadm.ListedOffsets) error {
	for num, until := range t.until {
		if offsetOf(stable, schemas.TopicLeads, num) < until {
			t.heard() // an open transaction: its end, or the broker's timeout for it, will come
			return nil
		}
	}
	if !t.stable {
		t.stable = true
		t.heard()
		return nil
	}
	for num, until := range t.until {
		t.parts[num].changelog = until
		delete(t.until, num)
	}
	return nil
}
