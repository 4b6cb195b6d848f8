package scoring

import (
	"context"
	"testing"
	"time"

	"leadstream/schemas"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// owned are the partitions that a worker has, restored.
func (w *running) owned() map[int32]bool {
	mine := map[int32]bool{}
	s := w.live.Load()
	if s == nil || !s.ready.Load() {
		return mine
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for num := range s.parts {
		mine[num] = true
	}
	return mine
}

// Two processes with two tracks each share the partitions; one goes. The other's standbys take over both
// tracks, each reading the last records only, and each is what its own model makes of all events.
func TestAStandbyTakesOverBothTracks(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	cfg.Standby, cfg.MaxRecords = true, 200
	other := cfg
	other.TransactionalID = "another"
	beside := func(d *Deps) { d.Model, d.Track = second(), "second" }
	goes := []*running{r.start(cfg), r.start(cfg, beside)}
	stays := []*running{r.start(other), r.start(other, beside)}
	for i := range stays { // both have some: then leaving moves partitions
		require.Eventually(t, func() bool { return len(goes[i].owned()) == 2 && len(stays[i].owned()) == 2 }, 2*time.Minute, 10*time.Millisecond)
	}
	r.send(visits(1, 3000, 800)...)
	for _, w := range stays {
		r.settled(w.cfg.Group)
	}
	most, before := make([]float64, len(stays)), make([]float64, len(stays))
	for i, w := range stays {
		theirs, both, unread := r.changelogOf(w)
		require.Greater(t, theirs, 300.0)
		followed := func() float64 { return w.counter("leadstream_scoring_standby_records_total") }
		require.Eventually(t, func() bool { return followed() >= both }, 2*time.Minute, 10*time.Millisecond)
		most[i], before[i] = theirs/3+unread-followed(), w.counter("leadstream_scoring_restored_records_total")
	}
	for _, w := range goes {
		w.stop()
	}
	for i, w := range stays {
		require.Eventually(t, func() bool { return len(w.owned()) == testPartitions }, 2*time.Minute, 10*time.Millisecond)
		require.Less(t, w.counter("leadstream_scoring_restored_records_total")-before[i], most[i], "track %d: records read at the takeover", i)
	}
	r.send(visits(1, 1500, 800)...) // repeats, which only a state that is whole knows
	r.send(visits(2, 1000, 800)...)
	for _, w := range stays {
		r.settled(w.cfg.Group)
		w.stop()
	}
	r.requireTruth()
	r.ofTrack(second()).requireTruth()
}

// changelogOf counts what stands in leads: in the partitions that others have the records of the worker's track, and of
// both; and the places, markers too, that a standby and an owner do not know by themselves: all of those partitions, and
// in the worker's own what the other track has written behind its last record.
func (r *rig) changelogOf(w *running) (theirs, both, unread float64) {
	r.t.Helper()
	mine, last := w.owned(), map[int32]int64{}
	for _, rec := range r.read(schemas.TopicLeads) {
		switch ours := w.wrote(rec); {
		case mine[rec.Partition] && ours:
			last[rec.Partition] = rec.Offset + 1
		case mine[rec.Partition]:
		case ours:
			theirs, both = theirs+1, both+1
		default:
			both++
		}
	}
	ends, err := r.admin.ListEndOffsets(context.Background(), schemas.TopicLeads)
	require.NoError(r.t, err)
	ends.Each(func(end kadm.ListedOffset) { unread += float64(end.Offset - last[end.Partition]) })
	return theirs, both, unread
}
