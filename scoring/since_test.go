package scoring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheIntervalCountsFromWhenRecordsBeganToWait: what came while a transaction was
// ending does not wait for its end and a whole interval more.
func TestTheIntervalCountsFromWhenRecordsBeganToWait(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	w := &Worker{cfg: DefaultConfig(), now: func() time.Time { return at }}
	s := &session{Worker: w}
	require.Equal(t, at, s.since(), "the first one")
	for name, c := range map[string]struct{ took, idle, back time.Duration }{
		"a short end":        {20 * time.Millisecond, time.Millisecond, 21 * time.Millisecond},
		"a long end":         {time.Second, 0, w.cfg.CommitInterval / 2},
		"nothing had waited": {20 * time.Millisecond, 6 * time.Millisecond, 0},
	} {
		s.ending, s.ended = at.Add(-c.took-c.idle), at.Add(-c.idle)
		require.Equal(t, at.Add(-c.back), s.since(), name)
	}
}
