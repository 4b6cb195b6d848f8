package scoring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"leadstream/schemas"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// session is one life of the worker: one client, one transactional id.
//
// The loop is serial: poll, fold, produce, commit. A poll that returned records
// blocks rebalances until the commit, so callbacks find no open transaction,
// except one of timers only (an empty poll blocks nothing); mu is for that.
type session struct {
	*Worker
	kafka *kgo.GroupTransactSession
	admin *kadm.Client
	topic kadm.TopicDetail // of leads
	homes homes
	// routedEnds is where the partitions of routed end, as far as is known: what the
	// next transaction sends is not before.
	routedEnds map[int32]int64

	mu    sync.Mutex
	parts map[int32]*partition // active: assigned, restored
	idle  map[int32]*partition // given up in a rebalance; perhaps about to come back
	txn   *txn                 // nil between transactions
	job   *rescoring           // nil when no published model is being taken up
	// When the next one may begin.
	nextJob time.Time
	// When the last transaction began to end, and when it had.
	ending, ended time.Time

	standby *standby // of the partitions that others have; nil without
	moves   *moves   // of a next-generation group; nil in a classic one

	writing sync.Mutex            // held while a snapshot is written
	revoked atomic.Bool           // a callback took all partitions away
	ready   atomic.Bool           //
	failure atomic.Pointer[error] // of a callback
	ctx     context.Context       // of run and until close: ends restores
	cease   context.CancelFunc
}

// newSession connects and checks that the topics fit together, and only then
// joins the group: the callbacks may run before the client is handed to us.
func newSession(ctx context.Context, w *Worker) (*session, error) {
	s := &session{Worker: w, parts: map[int32]*partition{}, idle: map[int32]*partition{}}
	s.ctx, s.cease = context.WithCancel(ctx)
	if w.cfg.GroupProtocol == groupConsumer {
		s.moves = newMoves()
	}
	asking, err := kgo.NewClient(w.kafka...)
	if err != nil {
		return nil, &fatalError{fmt.Errorf("scoring: kafka client: %w", err)}
	}
	s.admin = kadm.NewClient(asking)
	if err := errors.Join(s.checkProtocol(ctx), s.checkTopics(ctx)); err != nil {
		s.close()
		return nil, err
	}
	if s.kafka, err = kgo.NewGroupTransactSession(s.options()...); err != nil {
		s.close()
		return nil, &fatalError{fmt.Errorf("scoring: kafka client: %w", err)}
	}
	if err := s.takeOver(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close leaves the group at once, so that the others need not wait for the timeout.
func (s *session) close() {
	s.cease()
	if s.job != nil {
		s.job.stop()
		<-s.job.done
	}
	if s.kafka != nil {
		s.kafka.CloseAllowingRebalance()
	}
	s.moves.wait()
	s.standby.stop()
	s.writing.Lock() // the next session may write the same file
	defer s.writing.Unlock()
	s.admin.Close()
}

// options are the worker's own, on top of how to reach the brokers.
func (s *session) options() []kgo.Opt {
	id := s.cfg.TransactionalID
	if s.cfg.FreshTransactionalID {
		id += "-" + uuid.NewString()
	}
	return append(append(append([]kgo.Opt{}, s.Worker.kafka...), s.membership()...),
		kgo.ConsumerGroup(s.cfg.Group),
		kgo.ConsumeTopics(schemas.TopicEvents, schemas.TopicRouted),
		// Partition p of both topics has to land on the same worker.
		kgo.Balancers(kgo.RangeBalancer()),
		kgo.SessionTimeout(s.cfg.SessionTimeout),
		kgo.HeartbeatInterval(s.cfg.SessionTimeout/5),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // see onlyMarkers
		// A fetch that waits holds back the partitions whose offsets were loaded after
		// it was sent: after a join, a whole 5 s with the client's default.
		kgo.FetchMaxWait(250*time.Millisecond),
		// A new group starts at the oldest event; an offset that is gone is an error
		// to be told, not a reason to read something else.
		kgo.ConsumeResetOffset(kgo.NoResetOffset().AtStart()),
		kgo.TransactionalID(id),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// What waits goes in fewer and larger batches: a sixth less to do for us and the
		// broker. A commit does not wait: it flushes, which ends the waiting.
		kgo.ProducerLinger(s.cfg.CommitInterval/2),
		kgo.MaxBufferedRecords(maxBuffered),
	)
}

// takeOver asks for the producer id now and not with the first output: that
// aborts the transaction which a predecessor of the same transactional id left
// open, and a restore would wait for the broker's timeout otherwise.
func (s *session) takeOver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, _, err := s.kafka.Client().ProducerID(ctx); err != nil {
		return fmt.Errorf("scoring: producer id of %s: %w", s.cfg.TransactionalID, err)
	}
	return nil
}

// checkTopics refuses topics whose partitions do not correspond.
func (s *session) checkTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	names := []string{schemas.TopicEvents, schemas.TopicRouted, schemas.TopicLeads,
		schemas.TopicLedger, schemas.TopicStages, schemas.TopicDeadLetter}
	topics, err := s.admin.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("scoring: asking the broker for its topics: %w", err)
	}
	want := len(topics[schemas.TopicEvents].Partitions)
	var missing, unequal []error
	for _, name := range names {
		switch t := topics[name]; {
		case t.Err != nil || len(t.Partitions) == 0:
			missing = append(missing, fmt.Errorf("scoring: topic %s: missing (%v); `leadstream migrate` creates it", name, t.Err))
		case len(t.Partitions) != want && want > 0:
			unequal = append(unequal, fmt.Errorf("scoring: topic %s has %d partitions, but %s has %d: a lead's state lives in the partition of its events, so all topics need the same number; recreate the topic with `leadstream migrate`",
				name, len(t.Partitions), schemas.TopicEvents, want))
		}
	}
	if len(unequal) > 0 {
		return &fatalError{errors.Join(append(unequal, missing...)...)}
	}
	if len(missing) > 0 {
		return errors.Join(missing...) // not fatal: a broker that has just started, or lags, knows them in a moment
	}
	s.topic = topics[schemas.TopicLeads]
	s.homes = newHomes(want)
	return nil
}

// run is the loop.
func (s *session) run(ctx context.Context) error {
	defer s.close()
	for ctx.Err() == nil {
		if err := s.turn(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.txn != nil {
		if err := s.commit(); err != nil {
			return err
		}
	}
	s.snapshotAll()
	return nil
}

// turn polls once, folds what came, fires what is due, and commits when it is time.
func (s *session) turn(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	pollCtx, cancel := context.WithTimeout(ctx, s.patience())
	s.moves.wakes(cancel)
	fetches := s.kafka.PollRecords(pollCtx, s.cfg.MaxRecords)
	cancel()
	if err := s.failed(fetches); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takeIn()
	if err := s.fold(fetches); err != nil {
		return err
	}
	if s.revoked.Load() {
		s.stash()
	}
	due := s.timersDue()
	if s.txn == nil && !due {
		s.kafka.AllowRebalance()
		return nil
	}
	if !due && !s.txn.full(s.cfg, s.now()) {
		return nil
	}
	err := s.commit()
	s.kafka.AllowRebalance()
	if err != nil {
		return err
	}
	s.snapshotDue()
	return nil
}

// prepare does what the group said, and moves a change of models on between two transactions.
func (s *session) prepare() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.settle(); err != nil {
		return err
	}
	if s.txn != nil {
		return nil
	}
	return s.takeUp()
}

// patience is how long the next poll may wait: until the open transaction has
// gathered enough, or a timer may be due; a second at most.
func (s *session) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	wait := time.Second
	if s.txn != nil {
		wait = min(wait, s.cfg.CommitInterval-now.Sub(s.txn.began))
	}
	if s.job != nil {
		wait = min(wait, 20*time.Millisecond)
	}
	for _, p := range s.parts {
		if at, ok := p.leads.timers.next(); ok && !s.held(p) && !p.importing.on(now.UnixMilli()) {
			wait = min(wait, time.UnixMilli(at).Add(timerGrace).Sub(now))
		}
	}
	return max(wait, 5*time.Millisecond)
}

// failed finds what ends the session: a callback's failure or a fetch error
// that the client does not mend by itself.
func (s *session) failed(fetches kgo.Fetches) error {
	if err := s.failure.Load(); err != nil {
		return *err
	}
	for _, e := range fetches.Errors() {
		var group *kgo.ErrGroupSession
		switch {
		case errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, context.Canceled):
		case errors.As(e.Err, &group):
			s.log.Warn("scoring: group session ended, joining again", zap.Error(e.Err))
		default:
			return fmt.Errorf("scoring: reading %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	return nil
}
