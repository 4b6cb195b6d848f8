package scoring

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/stretchr/testify/require"
)

// faded is a partition whose leads came once, long ago, and have left memory.
func faded(t testing.TB, n int, dir string) (*partition, int64) {
	p := newPartition(0, 0)
	p.leads.rows.spill.dir = dir
	for i := range n {
		p.leads.store(quiet(fmt.Sprint(i)), 0)
	}
	later := quiet("0").Clock() + 400*day.Milliseconds()
	for range 4 {
		require.NoError(t, p.leads.sweep(testModel, later, n, 1))
	}
	require.Greater(t, p.leads.rows.out.leads, n/2)
	p.leads.rows.clean()
	return p, later
}

func TestAFadedLeadLeavesMemoryAndComesBackExactly(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 5000
	}
	dir := t.TempDir()
	p, later := faded(t, n, dir)
	require.Equal(t, n, p.leads.len(), "the lead is still known")
	require.Less(t, p.leads.rows.bytes, p.leads.rows.out.bytes/2, "it is in memory, too")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "the file has no name: nothing stays behind")

	stayed := newPartition(0, 0)
	for i := range n {
		stayed.leads.store(quiet(fmt.Sprint(i)), 0)
	}
	require.Equal(t, look(stayed), look(p))
	// They come back, some of them often; both partitions go the same way.
	for round := range 4 {
		for _, q := range []*partition{stayed, p} {
			q.begin()
			var events []*pb.Event
			for i := 0; i < n; i += 7 + round {
				at := later + int64(i)
				events = append(events, &pb.Event{EventId: fmt.Sprint(round, i), Site: "demo", Type: "page", Path: "/pricing",
					AnonymousId: schemas.NewLeadID(fmt.Sprint(i)).String(), EventTime: at, ReceivedAt: at})
			}
			require.Zero(t, foldAll(q, testModel.Apply, events))
			commit(q)
		}
	}
	require.Equal(t, look(stayed), look(p))
	out := p.leads.rows.out
	require.LessOrEqual(t, out.dead, max(out.bytes/2, 3*chunkSize), "the file is not cleaned")
}

func TestASnapshotHoldsFadedLeads(t *testing.T) {
	p, later := faded(t, 4000, t.TempDir())
	want, moment := look(p), p.leads.freeze(testModel.Version())
	p.begin() // the line goes on before it is written
	ev := &pb.Event{EventId: "x", Site: "demo", Type: "page", AnonymousId: schemas.NewLeadID("7").String(), EventTime: later, ReceivedAt: later}
	require.Zero(t, foldAll(p, testModel.Apply, []*pb.Event{ev}))
	commit(p)
	file := filepath.Join(t.TempDir(), "a.snapshot")
	require.NoError(t, writeSnapshot(file, snapshotHead{}, moment))
	_, state, err := readSnapshot(file, testModel)
	require.NoError(t, err)
	got := newPartition(0, 0)
	got.leads = state
	require.Equal(t, want, look(got))
}

func TestADiskThatRefusesKeepsLeadsInMemory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	p := newPartition(0, 0)
	p.leads.rows.spill.dir = filepath.Join(file, "not a folder")
	for i := range 4000 {
		p.leads.store(quiet(fmt.Sprint(i)), 0)
	}
	want, failed := look(p), 0
	for range 10 {
		if p.leads.sweep(testModel, quiet("0").Clock()+400*day.Milliseconds(), 5000, 1) != nil {
			failed++
		}
	}
	require.Positive(t, failed)
	require.Zero(t, p.leads.rows.out.leads)
	require.Equal(t, want, look(p))
}

func TestWhatMayFade(t *testing.T) {
	l := quiet("0")
	soon, late := l.Clock(), l.Clock()+400*day.Milliseconds()
	for name, c := range map[string]struct {
		r    row
		at   int64
		than float64
		want bool
	}{
		"long ago":     {row{}, late, 1, true},
		"still warm":   {row{}, soon, 1, false},
		"has a timer":  {row{due: late}, late, 1, false},
		"switched off": {row{}, late, 0, false},
		"large":        {row{packed: make([]byte, chunkSize)}, late, 1, false},
	} {
		require.Equal(t, c.want, mayFade(testModel, l, c.r, c.at, c.than), name)
	}
	require.Positive(t, testModel.Score(l, soon))
}
