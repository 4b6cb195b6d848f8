package sink

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// While ClickHouse is slow to answer for one batch, the next one is read and encoded; beyond these two nothing is taken
// from the topics.
func TestABatchIsFilledWhileTheOneBeforeIsWritten(t *testing.T) {
	r := newRig(t)
	p, start := r.behindProxy()
	cfg := quick()
	cfg.InsertTimeout = 45 * time.Second // longer than the look below: no try fails meanwhile
	cfg.Batch.Rows, cfg.Batch.Age = 60, time.Minute
	run := start(cfg)
	pending := func() int { return int(run.sum(t, "leadstream_sink_pending_records")) }
	r.putViews(0, 60) // three records each: full batches
	r.requireAll(60)

	p.setMute(true)
	r.putViews(60, 140)
	require.Eventually(t, func() bool { return pending() == 2*cfg.Batch.Rows }, time.Minute, 10*time.Millisecond, "one batch in the air, one full")
	require.Never(t, func() bool { return pending() > 2*cfg.Batch.Rows }, 300*time.Millisecond, 10*time.Millisecond)
	require.Zero(t, run.sum(t, "leadstream_sink_paused"))

	p.setAway(true) // what was not answered is sent again
	p.setMute(false)
	p.setAway(false)
	r.requireAll(140)
	require.NoError(t, run.stopped())
	require.True(t, r.committedAll())
	require.Zero(t, run.sum(t, "leadstream_sink_pending_records"))
}
