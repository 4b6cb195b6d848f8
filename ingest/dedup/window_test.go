package dedup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

// clock is set by the test.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func opened(t testing.TB, cfg Config, c *clock, on disk) *Window {
	t.Helper()
	w, err := open(cfg, Deps{Log: zaptest.NewLogger(t), Registry: prometheus.NewRegistry(), Now: c.now}, on)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.lock.Close() }) // harmless the second time
	return w
}

func small(dir string) Config { return Config{Window: 24 * time.Hour, Memory: 1 << 20, Dir: dir} }

func id(n int) string { return fmt.Sprintf("event-%d", n) }

func TestAnIDIsOneSitesAndOneTrusts(t *testing.T) {
	w := opened(t, small(""), newClock(), realDisk())
	one := w.ID("shop", false, "e1")
	require.Equal(t, one, w.ID("shop", false, "e1"))
	for _, other := range []ID{w.ID("shop", true, "e1"), w.ID("shop2", false, "e1"), w.ID("shop", false, "e2"), w.ID("sho", false, "pe1")} {
		require.NotEqual(t, one, other)
	}
	w.Note(one)
	require.True(t, w.Seen(one))
	require.False(t, w.Seen(w.ID("shop", true, "e1")), "whoever has the public key cannot make a deal a repeat")
	require.NoError(t, w.Close())
}

// TestTheWindowIsKept: ids are known for the whole window and forgotten soon after, whether or not the process restarts.
func TestTheWindowIsKept(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart=", restart), func(t *testing.T) {
			dir, c := t.TempDir(), newClock()
			w := opened(t, small(dir), c, realDisk())
			for hour := range 72 {
				for n := range 3 {
					w.Note(w.ID("shop", false, id(hour*3+n)))
				}
				w.tend()
				if restart && hour%5 == 0 {
					require.NoError(t, w.Close())
					w = opened(t, small(dir), c, realDisk())
				}
				for n := range (hour + 1) * 3 {
					age := hour - n/3
					seen := w.Seen(w.ID("shop", false, id(n)))
					if age <= 24 {
						require.True(t, seen, "at hour %d, id of hour %d", hour, n/3)
					}
					if age > 28 {
						require.False(t, seen, "at hour %d, id of hour %d", hour, n/3)
					}
				}
				c.advance(time.Hour)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*.ids"))
			require.NoError(t, err)
			require.Less(t, len(files), 60, "files of forgotten ids are removed")
			require.Zero(t, testutil.ToFloat64(w.metrics.forgotten))
			require.NoError(t, w.Close())
		})
	}
}

// TestMemoryIsBounded: ten times what fits. The newest ids stay, what went early is counted, the tables stay in their bound.
func TestMemoryIsBounded(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	w := opened(t, small(dir), c, realDisk())
	total := int(w.most) * 10
	for n := range total {
		w.Note(w.ID("shop", false, id(n)))
		if n%500 == 0 {
			w.tend()
			require.LessOrEqual(t, w.places.Load()*placeBytes, int64(w.cfg.Memory))
		}
	}
	w.tend()
	for n := total - int(w.most)/2; n < total; n++ {
		require.True(t, w.Seen(w.ID("shop", false, id(n))), "half of the memory is always the newest")
	}
	require.InDelta(t, float64(total)-float64(w.count.Load()), testutil.ToFloat64(w.metrics.forgotten), float64(w.most)/8)
	require.NoError(t, w.Close())

	again := opened(t, small(dir), c, realDisk())
	require.LessOrEqual(t, again.places.Load()*placeBytes, int64(w.cfg.Memory))
	require.True(t, again.Seen(again.ID("shop", false, id(total-1))))
	tiny := small(dir)
	tiny.Memory *= 4
	require.NoError(t, again.Close())
	require.NoError(t, opened(t, tiny, c, realDisk()).Close(), "another bound at the next start")
}

func TestABurstBeyondTheBoundIsLetThrough(t *testing.T) {
	w := opened(t, small(""), newClock(), realDisk())
	w.tending.Lock() // no room is made meanwhile
	for n := range int(w.most) + 100 {
		w.Note(w.ID("shop", false, id(n)))
	}
	require.Equal(t, w.most, w.count.Load())
	require.Equal(t, 100.0, testutil.ToFloat64(w.metrics.forgotten))
	require.True(t, w.Seen(w.ID("shop", false, id(0))))
	w.tending.Unlock()
	require.NoError(t, w.Close())
}

func TestOneFolderOneCollector(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	w := opened(t, small(dir), c, realDisk())
	_, err := Open(small(dir), Deps{Log: zaptest.NewLogger(t), Registry: prometheus.NewRegistry()})
	require.ErrorContains(t, err, "in use by another leadstream")
	require.NoError(t, w.Close())
}

// TestWithoutItsSecretAFileMeansNothing: copied into another folder, or after the secret was lost.
func TestWithoutItsSecretAFileMeansNothing(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	w := opened(t, small(dir), c, realDisk())
	w.Note(w.ID("shop", false, "e1"))
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), nil, 0o600))
	w = opened(t, small(dir), c, realDisk())
	require.False(t, w.Seen(w.ID("shop", false, "e1")))
	require.Equal(t, 1.0, testutil.ToFloat64(w.metrics.torn))
	require.Zero(t, w.count.Load())
	require.NoError(t, w.Close())
}

// full is a disk that takes so many bytes and no more, and tears the write that meets the end.
type full struct {
	io.WriteCloser
	left *atomic.Int64
}

func (f full) Write(b []byte) (int, error) {
	left := f.left.Add(-int64(len(b)))
	if left >= 0 {
		return f.WriteCloser.Write(b)
	}
	n, _ := f.WriteCloser.Write(b[:max(0, int64(len(b))+left)])
	return n, errors.New("no space left on device")
}

// TestAFullDiskCostsOnlyTheNextRestart: ids stay in memory; when there is room again, they are written again.
func TestAFullDiskCostsOnlyTheNextRestart(t *testing.T) {
	dir, c, left := t.TempDir(), newClock(), &atomic.Int64{}
	left.Store(100)
	on := realDisk()
	create := on.create
	on.create = func(path string) (io.WriteCloser, error) {
		f, err := create(path)
		return full{f, left}, err
	}
	w := opened(t, small(dir), c, on)
	for n := range 50 {
		w.Note(w.ID("shop", false, id(n)))
		w.tend()
	}
	failed := testutil.ToFloat64(w.metrics.writeFailed)
	require.Positive(t, failed)
	left.Store(1 << 20)
	w.Note(w.ID("shop", false, "later"))
	w.tend()
	for n := range 50 {
		require.True(t, w.Seen(w.ID("shop", false, id(n))))
	}
	require.NoError(t, w.Close())
	w = opened(t, small(dir), c, realDisk())
	require.True(t, w.Seen(w.ID("shop", false, "later")))
	require.EqualValues(t, 51-failed, w.count.Load())
	require.NoError(t, w.Close())
}

func TestManyAtOnce(t *testing.T) {
	w := opened(t, small(t.TempDir()), newClock(), realDisk())
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for n := range 2000 {
				key := w.ID("shop", false, id(g/2*2000+n)) // two of a kind
				w.Seen(key)
				w.Note(key)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 8000, w.count.Load())
	require.NoError(t, w.Close())
}

func TestConfigFaults(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	require.NoError(t, Config{Memory: 1 << 20}.Validate(), "0s is none")
	err := Config{Window: time.Second, Memory: 1}.Validate()
	require.ErrorContains(t, err, "window: must be 1m..744h")
	require.ErrorContains(t, err, "memory: must be 1MiB")
	_, err = Open(Config{Memory: 1 << 20}, Deps{})
	require.ErrorContains(t, err, "window")
}
