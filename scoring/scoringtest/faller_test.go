package scoringtest

import (
	"math/rand/v2"
	"testing"
	"time"

	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
)

func TestFallersFallInTheSpan(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, from := range []time.Time{noon, noon.Add(12*time.Hour - 2*time.Second), noon.Add(12 * time.Hour)} {
		for _, days := range []int{7, 12} {
			until, ids := from.Add(5*time.Second), map[string]bool{}
			for _, f := range Fallers(rnd, "demo", "faller", 5, days, from, until) {
				ids[f.Lead.String()] = true
				require.True(t, from.UnixMilli() <= f.At && f.At <= until.UnixMilli())
				requireFall(t, f, from)
			}
			require.Len(t, ids, 5)
		}
	}
}

// requireFall wants one fall, at that very millisecond, of what is all past.
func requireFall(t *testing.T, f Faller, from time.Time) {
	t.Helper()
	m, lead := model.Default(), model.NewLead(f.Lead, "demo")
	for _, ev := range f.Events {
		require.Less(t, ev.ReceivedAt, from.UnixMilli())
		require.LessOrEqual(t, lead.Clock(), ev.ReceivedAt)
		m.Apply(lead, ev, nil)
	}
	require.Empty(t, m.Fire(lead, f.At-1, nil).Stages)
	rows := m.Fire(lead, f.At, nil).Stages
	require.Len(t, rows, 1)
	require.Equal(t, []any{"aware", "visitor", f.At}, []any{rows[0].From, rows[0].To, rows[0].At})
	require.Empty(t, m.Fire(lead, f.At+day.Milliseconds(), nil).Stages)
}
