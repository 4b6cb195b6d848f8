package scoring

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"leadstream/schemas"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// The groups that Kafka has; docs/decisions/026 tells why classic is the default.
const (
	groupClassic  = "classic"
	groupConsumer = "consumer" // KIP-848
)

// A next-generation group moves single partitions while the others go on. So nothing
// blocks a rebalance here (with KIP-848 that deadlocks: docs/decisions/026); a
// transaction in which a partition is taken away is aborted as a whole.
//
// That rests on hearing of every loss, and GroupTransactSession tells of one only: from
// then until the end of a transaction it swallows the others (kgo/txn.go, onRevoked).
// None is swallowed, because
//
//  1. the client calls OnPartitionsAssigned after every loss, also with nothing in it,
//     and gives nothing up before that has returned (kgo/consumer_group.go,
//     assignRevokeSession: prerevoke, assign, revoke; the manage loop waits for assign);
//  2. ours (granted) returns only after the loop has ended a transaction, an empty one
//     if need be, which makes the session listen again, and has let go of what is lost
//     (settle).
//
// And nothing that was lost is committed afterwards, because
//
//  3. the broker moves a partition when its owner says that it has it no longer, or is
//     put out. The owner says so only when its callback has returned (prerevoking, in
//     kgo/consumer_group_848.go), and the callback waits for an End that is about to
//     commit, or makes it abort (failMu);
//  4. who was put out, or says an old epoch, has its TxnOffsetCommit refused, and all of
//     a transaction's partitions are in it (fenceGeneration);
//  5. what passed that check before may still be committed later: the successor's offsets
//     wait for it (they are always the stable ones), and its restore, which begins after
//     the partition was handed over, reads to the high watermark.
//
// After each End comes a settle before the next Begin: while End returns, there is a
// moment in which a callback is heard, but its mark on the session is wiped.

// membership are the client's options that differ with the kind of group.
func (s *session) membership() []kgo.Opt {
	if s.moves == nil {
		return []kgo.Opt{
			kgo.BlockRebalanceOnPoll(),
			kgo.AdjustFetchOffsetsFn(s.adjust),
			kgo.OnPartitionsAssigned(s.assigned),
			kgo.OnPartitionsRevoked(s.taken),
			kgo.OnPartitionsLost(s.taken),
		}
	}
	return []kgo.Opt{
		kgo.ServerSideBalancer(),
		kgo.WithHooks(classicJoin{s}),
		kgo.AdjustFetchOffsetsFn(s.placed),
		kgo.OnPartitionsAssigned(s.granted),
		kgo.OnPartitionsRevoked(s.givenUp),
		kgo.OnPartitionsLost(s.lost),
	}
}

// classicJoin hears of a request to join a classic group, which the client falls back to
// without a word when brokers have next-generation ones switched off. What is said above
// does not hold in one.
type classicJoin struct{ *session }

func (c classicJoin) OnBrokerWrite(b kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.JoinGroup) {
		c.fail(&fatalError{fmt.Errorf("scoring: group_protocol is %s, but broker %d has such groups switched off (group.coordinator.rebalance.protocols); set scoring.group_protocol: %s",
			groupConsumer, b.NodeID, groupClassic)})
	}
}

// checkProtocol refuses brokers that do not serve the kind of group that is asked for.
func (s *session) checkProtocol(ctx context.Context) error {
	if s.moves == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	brokers, err := s.admin.ApiVersions(ctx)
	if err != nil {
		return fmt.Errorf("scoring: asking the brokers what they serve: %w", err)
	}
	for _, b := range brokers.Sorted() {
		if b.Err != nil {
			continue // away; the others tell
		}
		if v, ok := b.KeyMaxVersion(kmsg.ConsumerGroupHeartbeat.Int16()); !ok || v < 1 {
			return &fatalError{fmt.Errorf("scoring: group_protocol is %s, but broker %d serves no such groups: that takes Kafka 4.0; set scoring.group_protocol: %s",
				groupConsumer, b.NodeID, groupClassic)}
		}
	}
	return nil
}

// givenUp is called while the client gives partitions up. It must not wait for mu: the
// session holds a lock around it that End needs.
//
// One without partitions comes with every change of the assignment. It does not mark the
// session, and so must not make granted wait: an End that is not marked waits for a
// heartbeat, which may wait for granted. (lost always marks, also when there was nothing.)
func (s *session) givenUp(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
	if len(topics) == 0 {
		return
	}
	if _, err := s.paired(topics); err != nil {
		s.fail(err)
	}
	s.moves.tell(false, slices.Concat(topics[schemas.TopicEvents], topics[schemas.TopicRouted]))
}

// lost is called when the broker has put us out: nothing is ours.
func (s *session) lost(context.Context, *kgo.Client, map[string][]int32) {
	s.ready.Store(false)
	s.moves.tell(true, nil)
}

// granted is called when partitions came, and after every loss.
func (s *session) granted(_ context.Context, client *kgo.Client, topics map[string][]int32) {
	if !s.settled() {
		return
	}
	nums, err := s.paired(topics)
	if err != nil {
		s.fail(err)
		return
	}
	m := s.moves
	m.mu.Lock()
	defer m.mu.Unlock()
	m.client = client
	for _, num := range nums {
		m.waiting[num] = true
	}
	s.ready.Store(len(m.waiting) == 0)
}

// paired are the partitions that came or go, which have to be the same of both topics.
func (s *session) paired(topics map[string][]int32) ([]int32, error) {
	events := slices.Sorted(slices.Values(topics[schemas.TopicEvents]))
	routed := slices.Sorted(slices.Values(topics[schemas.TopicRouted]))
	if !slices.Equal(events, routed) {
		return nil, fmt.Errorf("scoring: the broker moved partitions %v of events but %v of routed: another member of group %q asks for another assignor than range", events, routed, s.cfg.Group)
	}
	return events, nil
}

// settled waits until the loop has done all that was told, and says false if it ended.
func (s *session) settled() bool {
	for n := s.moves.undone(); n != nil; n = s.moves.undone() {
		select {
		case <-n.done:
		case <-s.ctx.Done():
			return false
		}
	}
	return true
}

// settle makes the loop do what the group said: it undoes the open transaction, if there
// is one, makes the session listen again, and lets go of what was taken away.
func (s *session) settle() error {
	for n := s.moves.take(); n != nil; n = s.moves.take() {
		if err := s.abort(); err != nil {
			return err
		}
		s.letGo(n)
		s.moves.did(n)
	}
	return nil
}

// abort ends the open transaction, or an empty one, and undoes what was folded.
func (s *session) abort() error {
	if err := s.begin(); err != nil {
		return err
	}
	t, began := s.txn, time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	_, err := s.kafka.End(ctx, kgo.TryAbort)
	s.txn = nil
	if len(t.parts) > 0 {
		t.sum()
		s.metrics.ended(t, false, err, time.Since(began), s.now())
		s.log.Info("scoring: transaction aborted by a rebalance, undone", zap.Int("records", t.records))
	}
	if err != nil {
		return fmt.Errorf("scoring: abort transaction: %w", err)
	}
	for _, p := range t.parts {
		p.rollback()
	}
	return nil
}

// letGo drops what was taken away. Nothing of it can have come back: granted waits.
func (s *session) letGo(n *news) {
	s.takeIn()
	gone := map[int32]*partition{}
	for num, p := range s.parts {
		if n.all || n.nums[num] {
			gone[num] = p
			delete(s.parts, num)
		}
	}
	if len(gone) == 0 {
		return
	}
	if s.cfg.Standby {
		s.follows(gone, nil)
	}
	s.metrics.holds(s.parts)
	s.log.Info("scoring: partitions given up", zap.Int32s("partitions", slices.Sorted(maps.Keys(gone))))
}

// takeIn makes partitions that came the loop's own. Their records come after them.
func (s *session) takeIn() {
	came, routed := s.moves.arrived()
	if came == nil {
		return
	}
	maps.Copy(s.parts, came)
	s.raiseRouted(routed)
	s.metrics.holds(s.parts)
}
