package dedup

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func benched(b *testing.B, dir string) *Window {
	w, err := Open(Config{Window: 24 * time.Hour, Memory: 4 << 30, Dir: dir}, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	require.NoError(b, err)
	return w
}

// BenchmarkEvent is what one new event pays: its id, the look, the note.
func BenchmarkEvent(b *testing.B) {
	for _, known := range []int{0, 1_000_000, 5_000_000} {
		b.Run(fmt.Sprintf("known=%d", known), func(b *testing.B) {
			w := benched(b, b.TempDir())
			fill(w, known)
			w.tend()
			names := make([]string, 1<<16)
			for i := range names {
				names[i] = fmt.Sprintf("ajs-next-1772446530123-%08d-41d0-4b2e-9f5e-0a4f9d1b2c3d", i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				key := w.ID("shop", false, names[i%len(names)])
				key[0] += uint64(i) << 20 // all different
				if !w.Seen(key) {
					w.Note(key)
				}
			}
			b.StopTimer()
			require.NoError(b, w.Close())
		})
	}
}

// BenchmarkMillion is the memory of a million ids, as the tables have it and as the heap does, and the time to read them back.
func BenchmarkMillion(b *testing.B) {
	for range b.N {
		dir := b.TempDir()
		before := heap()
		w := benched(b, dir)
		fill(w, 1_000_000)
		w.tend()
		b.ReportMetric(float64(w.places.Load()*placeBytes), "B/million")
		b.ReportMetric(float64(heap()-before), "heap-B/million")
		require.NoError(b, w.Close())
		began := time.Now()
		w = benched(b, dir)
		b.ReportMetric(time.Since(began).Seconds(), "s-to-open")
		require.EqualValues(b, 1_000_000, w.count.Load())
		require.NoError(b, w.Close())
	}
}

func fill(w *Window, n int) {
	ids := make([]ID, 0, 1000)
	for i := range n {
		ids = append(ids, spread(i))
		if len(ids) == cap(ids) {
			w.Note(ids...)
			ids = ids[:0]
		}
	}
	w.Note(ids...)
}

// spread is a cheap stand-in for a hash: odd multipliers scatter well enough over the tables.
func spread(i int) ID {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(i+1)*0x9e3779b97f4a7c15)
	x := binary.LittleEndian.Uint64(b[:])
	return ID{x, (x ^ x>>29) * 0xbf58476d1ce4e5b9 >> 13}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
