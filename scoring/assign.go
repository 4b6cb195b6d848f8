package scoring

import (
	"context"
	"fmt"
	"slices"
	"time"

	"leadstream/schemas"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// assigned restores the state of the partitions that this worker now has. The
// client goes on with heartbeats meanwhile, and fetches nothing before it returns.
//
// The range balancer is an eager one: topics holds everything we have, and
// everything was taken away before. A partition that comes back only needs the
// tail of its changelog, because another worker may have had it in between.
func (s *session) assigned(_ context.Context, client *kgo.Client, topics map[string][]int32) {
	began := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	nums := slices.Sorted(slices.Values(topics[schemas.TopicEvents]))
	if routed := slices.Sorted(slices.Values(topics[schemas.TopicRouted])); !slices.Equal(nums, routed) {
		s.fail(&fatalError{fmt.Errorf("scoring: assigned partitions %v of events but %v of routed: another member of group %q does not use the range balancer", nums, routed, s.cfg.Group)})
		return
	}
	s.stash()
	if s.txn != nil {
		s.idle = map[int32]*partition{} // its changes are not undone yet: no state to build on
	}
	warm := s.standby.stop()
	for num, p := range warm {
		if s.idle[num] == nil {
			s.idle[num] = p
		}
	}
	parts, mine := make(map[int32]*partition, len(nums)), make(map[int32]bool, len(nums))
	for _, num := range nums {
		mine[num] = true
		p := s.idle[num]
		if p == nil {
			p = s.fresh(num)
		}
		parts[num] = p
	}
	if err := s.restore(s.ctx, parts); err != nil {
		s.fail(err)
		return
	}
	for _, p := range parts {
		p.leads.rows.spill.dir = s.cfg.SnapshotDir
		p.idleSince = s.now().UnixMilli() // what others have done with it meanwhile is not read yet
	}
	s.parts = parts
	s.hold(client, parts)
	if s.cfg.Standby {
		s.standby = s.follow(s.others(mine, s.idle))
	}
	s.idle = map[int32]*partition{}
	s.revoked.Store(false)
	s.ready.Store(len(parts) == 0) // else when adjust knows where to read
	s.metrics.restored(parts, time.Since(began))
	s.log.Info("scoring: partitions assigned and restored", zap.Int32s("partitions", nums),
		zap.Int("leads", countLeads(parts)), zap.Duration("took", time.Since(began)))
}

// taken marks all partitions as gone. It must not wait for mu: the client holds
// a lock around it that End needs.
func (s *session) taken(context.Context, *kgo.Client, map[string][]int32) {
	s.ready.Store(false)
	s.revoked.Store(true)
}

// stash puts the active partitions aside.
func (s *session) stash() {
	for num, p := range s.parts {
		s.idle[num] = p
	}
	s.parts = map[int32]*partition{}
}

// fail ends the session at the loop's next turn: callbacks cannot return errors.
// A restore that was cut off by the end of run is none.
func (s *session) fail(err error) {
	if s.ctx.Err() == nil {
		s.failure.CompareAndSwap(nil, &err)
	}
}

// adjust decides where to read on, between the group's offsets and the fences.
func (s *session) adjust(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	starts, ends, err := bounds(ctx, s.admin, schemas.TopicEvents, schemas.TopicRouted)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, parts := range offsets {
		for num, offset := range parts {
			p := s.parts[num]
			if p == nil {
				return nil, fmt.Errorf("scoring: offsets of %s/%d, which is not restored", topic, num)
			}
			at := s.position(p, topic, offset.EpochOffset().Offset, offsetOf(starts, topic, num), offsetOf(ends, topic, num))
			parts[num] = kgo.NewOffset().At(at)
		}
	}
	s.ready.Store(!s.revoked.Load())
	return offsets, nil
}

// position is where to read a topic of a partition on: from the group's offset,
// which is negative in a new group; from the fence where the broker may have
// kept offsets but lost outputs, or where the changelog has a gap.
func (s *session) position(p *partition, topic string, group, start, end int64) int64 {
	at := group
	if at < 0 {
		at = start
	}
	done := p.fence.of(topic)
	if *done >= end {
		s.log.Error("scoring: the log is shorter than the state: the broker lost its tail; reading what it gets next",
			zap.String("topic", topic), zap.Int32("partition", p.num), zap.Int64("folded", *done), zap.Int64("end", end))
		*done = end - 1
	}
	if (s.cfg.FreshTransactionalID || p.rewind) && *done+1 < at {
		at = *done + 1
	}
	if at < start {
		s.log.Error("scoring: events are gone before they were read: retention is shorter than the time this worker was away",
			zap.String("topic", topic), zap.Int32("partition", p.num), zap.Int64("first lost", at), zap.Int64("oldest kept", start))
		s.metrics.lost.Add(float64(start - at))
		at = start
	}
	at = min(at, end)
	*p.next.of(topic), *p.high.of(topic) = at, end
	return at
}

func countLeads(parts map[int32]*partition) (n int) {
	for _, p := range parts {
		n += p.leads.len()
	}
	return n
}
