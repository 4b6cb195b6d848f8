package scoring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A leader that dies in the middle of a restore is silence too, and its successor has the rest:
// giving up soon would leave out what the changelog holds.
func TestOnlyTheEmbeddedBrokersSilenceIsBelievedSoon(t *testing.T) {
	now := time.Now()
	cases := map[string]struct {
		embedded bool
		quiet    time.Duration
		answers  map[int32]int
		want     bool
	}{
		"embedded, asked three times":        {true, 2 * time.Second, map[int32]int{0: 3}, true},
		"embedded, asked twice":              {true, 2 * time.Second, map[int32]int{0: 2}, false},
		"embedded, a moment ago":             {true, 900 * time.Millisecond, map[int32]int{0: 9}, false},
		"embedded, nobody answered":          {true, time.Minute, nil, false},
		"cluster, while a leader is elected": {false, 20 * time.Second, map[int32]int{0: 80, 1: 80}, false},
		"cluster, for long":                  {false, 31 * time.Second, map[int32]int{0: 120, 1: 120}, true},
		"cluster, one died after an answer":  {false, 31 * time.Second, map[int32]int{0: 120, 1: 1}, true},
		"cluster, nobody answered":           {false, time.Hour, map[int32]int{0: 1}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := &Worker{cfg: DefaultConfig()}
			w.cfg.FreshTransactionalID = c.embedded
			tail := &tail{session: &session{Worker: w}, answers: c.answers, quiet: now.Add(-c.quiet)}
			require.Equal(t, c.want, tail.silent(now))
		})
	}
}
