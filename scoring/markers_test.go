package scoring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Timers fire up to now only where all that the broker has was read. What ids say to each other ends in the marker of a
// transaction, which no reader of committed records is shown unless it asks: such a partition, too, is known to be read
// to its end, at once and again after every hand-over, and not only after 10 silent seconds.
func TestAPartitionThatEndsInAMarkerHasBeenReadToItsEnd(t *testing.T) {
	r := newRig(t, "", testPartitions)
	w := r.start(r.config())
	for seed := range uint64(3) {
		r.send(people(81+seed, 200, 10)...)
		r.settledRouted(w.cfg.Group)
		require.Eventually(t, func() bool {
			s := w.live.Load()
			s.mu.Lock()
			defer s.mu.Unlock()
			routed := int64(0)
			for _, p := range s.parts {
				if p.next.events < p.high.events || p.next.routed < p.high.routed {
					return false
				}
				routed += p.high.routed
			}
			return routed > 0
		}, time.Minute, 20*time.Millisecond)
	}
	w.stop()
}

// Markers alone are no reason for a transaction, which would end in the next one.
func TestMarkersAloneBeginNoTransaction(t *testing.T) {
	r := newRig(t, "", testPartitions)
	w := r.start(r.config())
	r.send(people(84, 200, 10)...)
	r.settledRouted(w.cfg.Group)
	time.Sleep(10 * w.cfg.CommitInterval)
	before := w.counter("leadstream_scoring_commits_total")
	require.Positive(t, before)
	time.Sleep(20 * w.cfg.CommitInterval)
	require.Equal(t, before, w.counter("leadstream_scoring_commits_total"))
	w.stop()
}
