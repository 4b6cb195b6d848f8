package scoring

import (
	"context"
	"maps"
	"slices"
	"time"

	"leadstream/schemas"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// bringing is the restore of partitions that were granted together. It goes on when the
// group changes meanwhile: what stays ours need not begin again.
type bringing struct {
	parts map[int32]*partition
	done  chan struct{}
	err   error // valid once done is closed
}

// arrived is a restore whose partition the loop has.
var arrived = new(bringing)

// placed restores partitions that were granted and says where to read them. The client
// calls it when it has their offsets, and fetches nothing of them before it returns; when
// the assignment changes it ends ctx and waits for us, and so would a commit.
func (s *session) placed(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	topics := map[string][]int32{}
	for topic, parts := range offsets {
		topics[topic] = slices.Collect(maps.Keys(parts))
	}
	nums, err := s.paired(topics)
	if err != nil {
		s.fail(err)
		return nil, err
	}
	parts, err := s.restored(ctx, nums)
	if err == nil {
		err = s.place(ctx, parts, offsets)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.fail(err)
		}
		return nil, err
	}
	s.arrive(parts)
	return offsets, nil
}

// place sets every partition to where it is read on.
func (s *session) place(ctx context.Context, parts map[int32]*partition, offsets map[string]map[int32]kgo.Offset) error {
	starts, ends, err := bounds(ctx, s.admin, schemas.TopicEvents, schemas.TopicRouted)
	if err != nil {
		return err
	}
	for topic, of := range offsets {
		for num, offset := range of {
			at := s.position(parts[num], topic, offset.EpochOffset().Offset, offsetOf(starts, topic, num), offsetOf(ends, topic, num))
			of[num] = kgo.NewOffset().At(at)
		}
	}
	return nil
}

// arrive hands partitions to the loop.
func (s *session) arrive(parts map[int32]*partition) {
	m := s.moves
	m.mu.Lock()
	defer m.mu.Unlock()
	s.hold(m.client, parts)
	for num, p := range parts {
		p.idleSince = s.now().UnixMilli()
		m.came[num] = p
		m.brought[num] = arrived // which keeps no one's leads
		delete(m.waiting, num)
	}
	s.ready.Store(len(m.waiting) == 0)
	m.rouse()
}

// restored waits for the state of partitions, and begins to restore what nobody has begun.
func (s *session) restored(ctx context.Context, nums []int32) (map[int32]*partition, error) {
	parts := map[int32]*partition{}
	for num, b := range s.bring(nums) {
		select {
		case <-b.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if b.err != nil {
			return nil, b.err
		}
		parts[num] = b.parts[num]
	}
	return parts, nil
}

// bring begins the restores that have not begun.
func (s *session) bring(nums []int32) map[int32]*bringing {
	m := s.moves
	m.mu.Lock()
	defer m.mu.Unlock()
	out, fresh := map[int32]*bringing{}, &bringing{parts: map[int32]*partition{}, done: make(chan struct{})}
	var list []int32
	for _, num := range nums {
		if m.brought[num] == nil {
			m.brought[num] = fresh
			list = append(list, num)
		}
		out[num] = m.brought[num]
	}
	if len(list) > 0 {
		m.work.Go(func() {
			defer close(fresh.done)
			fresh.err = s.restoreAside(fresh.parts, list)
		})
	}
	return out
}

// restoreAside restores partitions beside the line, which goes on with the others: in a
// session that shares with ours only what does not change.
func (s *session) restoreAside(parts map[int32]*partition, nums []int32) error {
	began := time.Now()
	warm := s.follows(nil, nums)
	for _, num := range nums {
		if parts[num] = warm[num]; parts[num] == nil {
			parts[num] = s.fresh(num)
		}
	}
	aside := &session{Worker: s.Worker, admin: s.admin, topic: s.topic, homes: s.homes, ctx: s.ctx}
	if err := aside.restore(s.ctx, parts); err != nil {
		return err
	}
	for _, p := range parts {
		p.leads.rows.spill.dir = s.cfg.SnapshotDir
	}
	s.moves.sawRouted(aside.routedEnds)
	s.metrics.restoreSeconds.Observe(time.Since(began).Seconds())
	s.log.Info("scoring: partitions granted and restored", zap.Int32s("partitions", nums),
		zap.Int("leads", countLeads(parts)), zap.Duration("took", time.Since(began)))
	return nil
}

// follows has the standby follow what is not ours, from where the given ones stand, and
// returns those of nums that it had. It waits for nothing but the standby.
func (s *session) follows(given map[int32]*partition, nums []int32) map[int32]*partition {
	if !s.cfg.Standby {
		return nil
	}
	s.moves.following.Lock()
	defer s.moves.following.Unlock()
	warm := map[int32]*partition{}
	maps.Copy(warm, s.standby.stop())
	maps.Copy(warm, given)
	taken := map[int32]*partition{}
	for _, num := range nums {
		if p := warm[num]; p != nil {
			taken[num] = p
		}
	}
	s.standby = s.follow(s.others(s.moves.ours(), warm))
	return taken
}
