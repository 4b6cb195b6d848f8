package scoring

import (
	"testing"
	"time"

	"leadstream/schemas"

	"github.com/stretchr/testify/require"
)

// Two workers share the partitions; one goes. With a standby the other reads the
// last records only; without it, everything.
func TestAStandbyTakesOverWithoutAFullRestore(t *testing.T) {
	t.Parallel() // most of it is waiting
	read := map[bool]float64{}
	for _, standby := range []bool{false, true} {
		r := newRig(t, "", testPartitions)
		cfg := r.config()
		cfg.Standby, cfg.MaxRecords = standby, 200
		other := cfg
		other.TransactionalID = "another"
		a, b := r.start(cfg), r.start(other)
		// Both have some: then leaving moves partitions.
		owns := func(w *running) int {
			s := w.live.Load()
			if s == nil || !s.ready.Load() {
				return 0
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.parts)
		}
		require.Eventually(t, func() bool { return owns(a) == 2 && owns(b) == 2 }, time.Minute, 10*time.Millisecond)
		r.send(visits(1, 3000, 800)...)
		r.settled(cfg.Group)
		mine := map[int32]bool{}
		s := b.live.Load()
		s.mu.Lock()
		for num := range s.parts {
			mine[num] = true
		}
		s.mu.Unlock()
		theirs := 0.0
		for _, rec := range r.read(schemas.TopicLeads) {
			if !mine[rec.Partition] {
				theirs++
			}
		}
		require.Greater(t, theirs, 300.0)
		if standby {
			require.Eventually(t, func() bool { return b.counter("leadstream_scoring_standby_records_total") >= theirs }, time.Minute, 10*time.Millisecond)
		}
		before := b.counter("leadstream_scoring_restored_records_total")
		a.stop()
		require.Eventually(t, func() bool { return owns(b) == testPartitions }, time.Minute, 10*time.Millisecond)
		read[standby] = b.counter("leadstream_scoring_restored_records_total") - before
		r.send(visits(2, 1500, 800)...)
		r.send(visits(1, 1500, 800)...)
		r.settled(cfg.Group)
		// And back: what was given up is followed, and followed on.
		c := r.start(cfg)
		require.Eventually(t, func() bool { return owns(b) == 2 && owns(c) == 2 }, time.Minute, 10*time.Millisecond)
		r.send(visits(3, 1000, 800)...)
		r.settled(cfg.Group)
		c.stop()
		require.Eventually(t, func() bool { return owns(b) == testPartitions }, time.Minute, 10*time.Millisecond)
		r.send(visits(4, 500, 800)...)
		r.settled(cfg.Group)
		b.stop()
		r.requireTruth()
	}
	require.Less(t, read[true], read[false]/3, "records read at the takeover")
}
