package scoring

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// endTimeout bounds a commit; the broker has aborted the transaction long before.
const endTimeout = 30 * time.Second

// txn is the open transaction.
type txn struct {
	began      time.Time
	records    int
	parts      map[int32]*partition
	tally      tally                    // of all partitions, when it ends
	routedFrom map[int32]int64          // where routed ended when it began
	promise    func(*kgo.Record, error) // produced

	mu sync.Mutex // partitions' hands and the client's callbacks write below
	// refusedLog tells of the first dead letter; a flood of them is one line.
	refusedLog []zap.Field
	changelog  map[int32]int64
	bytes      map[int32]int64
	ends       map[int32]rowPlaces // of the rows that stand
	routed     map[int32]int64     // ends of what was sent
	err        error
}

// begin opens a transaction unless one is open.
func (s *session) begin() error {
	if s.txn != nil {
		return nil
	}
	if err := s.kafka.Begin(); err != nil {
		return fmt.Errorf("scoring: begin transaction: %w", err)
	}
	t := &txn{began: s.since(), parts: map[int32]*partition{},
		changelog: map[int32]int64{}, bytes: map[int32]int64{}, ends: map[int32]rowPlaces{}, routed: map[int32]int64{},
		routedFrom: maps.Clone(s.routedEnds)}
	t.promise = t.produced
	s.txn = t
	return nil
}

// since is when the commit interval of a transaction that opens now began. What came
// while the last one was ending has waited for as long: the interval counts from there,
// or such events would wait for two ends and an interval. A line that has more to do
// than it can does not get shorter transactions for it than half.
func (s *session) since() time.Time {
	now := s.now()
	if s.ending.IsZero() || now.Sub(s.ended) > noWait {
		return now
	}
	if half := now.Add(-s.cfg.CommitInterval / 2); s.ending.Before(half) {
		return half
	}
	return s.ending
}

// noWait is how soon after the last transaction a record must be there to have waited.
const noWait = 5 * time.Millisecond

// join makes the partition part of the transaction.
func (t *txn) join(p *partition) {
	if t.parts[p.num] == nil {
		t.parts[p.num] = p
		p.begin()
	}
}

// all are the transaction's partitions.
func (t *txn) all() []*partition { return slices.Collect(maps.Values(t.parts)) }

// sum adds up what the partitions did.
func (t *txn) sum() {
	t.tally = newTally()
	for _, p := range t.parts {
		t.tally.add(&p.work.tally)
	}
}

// refusedFirst remembers the first dead letter for the log.
func (t *txn) refusedFirst(r *kgo.Record, no *refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refusedLog == nil {
		t.refusedLog = []zap.Field{zap.String("first", no.reason), zap.String("detail", fmt.Sprintf("%.300s", no.detail)),
			zap.String("topic", r.Topic), zap.Int32("partition", r.Partition), zap.Int64("offset", r.Offset)}
	}
}

// full tells whether the transaction has gathered for long enough.
func (t *txn) full(cfg Config, now time.Time) bool {
	return t.records >= cfg.MaxRecords || now.Sub(t.began) >= cfg.CommitInterval
}

// emit writes the rows of one outcome, each of them: only leads' records are
// coalesced to the last of the transaction.
func (s *session) emit(p *partition, out model.Outcome) {
	for _, row := range out.Ledger {
		p.work.tally.ledger[row.Reason]++
		s.produce(p, schemas.TopicLedger, p.work.leadKey(row.LeadId), row)
	}
	for _, row := range out.Stages {
		p.work.tally.transitions[transition{row.Direction, row.To}]++
		s.produce(p, schemas.TopicStages, p.work.leadKey(row.LeadId), row)
	}
	if out.Refused != "" {
		p.work.tally.refused++
	}
	p.work.tally.failedRules += len(out.Failed)
}

// message is what the generated code of schemas/pb writes without reflection.
type message interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
}

// produce sends one output to the partition's number.
func (s *session) produce(p *partition, topic string, key []byte, value message, headers ...kgo.RecordHeader) {
	s.produceTo(p, topic, p.num, key, value, headers...)
}

// produceTo sends what a partition has to say to another one.
func (s *session) produceTo(p *partition, topic string, num int32, key []byte, value message, headers ...kgo.RecordHeader) {
	t := s.txn
	size := value.SizeVT()
	if size > maxOutput {
		s.metrics.oversized.Inc()
		s.log.Error("scoring: an output is larger than a broker takes and is left out; a lead's goes on in memory and in snapshots",
			zap.String("topic", topic), zap.ByteString("key", key), zap.Int("bytes", size))
		return
	}
	b := p.work.pieces.bytes(size)
	if _, err := value.MarshalToSizedBufferVT(b); err != nil {
		t.fail(fmt.Errorf("encode for %s: %w", topic, err))
		return
	}
	if i := rowTopic(topic); i >= 0 {
		p.rows.count[i]++
	}
	r := p.work.pieces.record()
	r.Topic, r.Partition, r.Key, r.Value, r.Headers = topic, num, key, b, s.mark(headers)
	s.kafka.Produce(context.Background(), r, t.promise)
}

// maxOutput is what fits a batch of the client's and the broker's default, 1 MB.
const maxOutput = 990_000

// produced is called by the client when a record stands or failed.
func (t *txn) produced(r *kgo.Record, err error) {
	if err != nil {
		t.fail(fmt.Errorf("write to %s/%d, key %s, %d bytes: %w", r.Topic, r.Partition, r.Key, len(r.Value), err))
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.Topic == schemas.TopicLeads {
		t.changelog[r.Partition] = max(t.changelog[r.Partition], r.Offset+1)
		t.bytes[r.Partition] += int64(len(r.Value))
	} else if r.Topic == schemas.TopicRouted {
		t.routed[r.Partition] = max(t.routed[r.Partition], r.Offset+1)
	} else if i := rowTopic(r.Topic); i >= 0 {
		ends := t.ends[r.Partition]
		ends[i] = max(ends[i], r.Offset+1)
		t.ends[r.Partition] = ends
	}
}

func (t *txn) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}

func (t *txn) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// commit ends the transaction: 1. due timers, 2. the changed leads with the
// fence, 3. flush, offsets and the end marker, 4. what was done stands or is
// undone. After an error nobody knows which: the session must not go on.
//
// A next-generation group is asked before and after: see nextgen.go.
func (s *session) commit() error {
	if !s.moves.told() { // else it would be aborted
		if err := s.tryCommit(); err != nil {
			return err
		}
	}
	return s.settle()
}

func (s *session) tryCommit() error {
	s.ending = s.now()
	defer func() { s.ended = s.now() }()
	if err := s.fireTimers(); err != nil {
		return err
	}
	t, began := s.txn, time.Now()
	ok, err := s.end(t)
	t.sum()
	s.txn = nil
	s.metrics.ended(t, ok, err, time.Since(began), s.now())
	if err != nil {
		return err
	}
	if !ok {
		s.log.Info("scoring: transaction aborted by a rebalance, undone", zap.Int("records", t.records))
		for _, p := range t.parts {
			p.rollback()
		}
		return nil
	}
	if t.refusedLog != nil {
		s.log.Warn("scoring: records refused to dead letters", append(t.refusedLog, zap.Any("by reason", t.tally.deadLetters))...)
	}
	s.raiseRouted(t.routed)
	together(t.all(), func(p *partition) {
		p.committed(t.changelog[p.num], t.bytes[p.num], t.ends[p.num])
		if err := p.leads.sweep(p.model, p.watermark, sweepLeads, s.cfg.SpillBelow); err != nil {
			s.log.Warn("scoring: faded leads stay in memory: they cannot be written to disk", zap.Int32("partition", p.num), zap.Error(err))
		}
	})
	return nil
}

// sweepLeads is how many untouched leads a partition folds each commit: 10 a
// tenth of a second pass over 8.6 million leads a day.
const sweepLeads = 10

// end produces the leads' records and commits.
func (s *session) end(t *txn) (bool, error) {
	together(t.all(), func(p *partition) {
		p.rows.builtOn, p.rows.sent = p.changelog, t.sentBy(p)
		headers := []kgo.RecordHeader{p.fence.header(), p.rows.header()}
		p.records(p.model, func(rec *pb.LeadRecord) {
			s.produce(p, schemas.TopicLeads, s.recordKey(p, rec.LeadId), rec, headers...)
		})
	})
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	// Rebalances may go on from here. End asks the group's heartbeat whether we are still in it; when
	// the heartbeat was lost with a connection, it waits to tell us so until it may, and End for it.
	// A rebalance that begins now either lets the transaction stand or has it aborted, as one whole;
	// its callback waits for mu, and finds no transaction.
	s.kafka.AllowRebalance()
	ok, err := s.kafka.End(kgo.PreTxnCommitFnContext(ctx, t.fenceGeneration), kgo.TryCommit)
	if failed := t.failure(); failed != nil {
		return false, fmt.Errorf("scoring: %w", failed)
	}
	if err != nil {
		return false, fmt.Errorf("scoring: end transaction: %w", err)
	}
	return ok, nil
}

// fenceGeneration puts every partition of the transaction into the commit of
// offsets, also one where only timers fired. The commit is what the broker
// checks the group's generation on: without it a worker that slept through a
// rebalance could wake up and write over its successor's state.
func (t *txn) fenceGeneration(req *kmsg.TxnOffsetCommitRequest) error {
	at := -1
	has := map[int32]bool{}
	for i, topic := range req.Topics {
		if topic.Topic != schemas.TopicEvents {
			continue
		}
		at = i
		for _, p := range topic.Partitions {
			has[p.Partition] = true
		}
	}
	if at < 0 {
		topic := kmsg.NewTxnOffsetCommitRequestTopic()
		topic.Topic = schemas.TopicEvents
		req.Topics, at = append(req.Topics, topic), len(req.Topics)
	}
	for num, p := range t.parts {
		if has[num] || p.next.events < 0 {
			continue
		}
		same := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		same.Partition, same.Offset, same.LeaderEpoch = num, p.next.events, -1
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, same)
	}
	if len(req.Topics[at].Partitions) == 0 {
		req.Topics = append(req.Topics[:at], req.Topics[at+1:]...)
	}
	return nil
}
