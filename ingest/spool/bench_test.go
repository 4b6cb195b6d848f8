package spool

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

const eventSize = 300

func benchRecord() Record {
	r := rec("demo:3f0c2c0e-6d1c-4c59-9d6e-0c8e3b6f2a11", "")
	r.Value = bytes.Repeat([]byte("x"), eventSize-len(r.Topic)-len(r.Key))
	return r
}

// BenchmarkAppend is events a second that are on disk, by how many wait at once. The baseline beside each writes and syncs the
// same bytes with nothing around: one thread, a write of all the callers' events, a sync.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("spool/%d", callers), func(b *testing.B) { benchAppend(b, callers) })
		b.Run(fmt.Sprintf("bare/%d", callers), func(b *testing.B) { benchBare(b, callers) })
	}
}

func benchAppend(b *testing.B, callers int) {
	cfg := DefaultConfig()
	cfg.Dir, cfg.MaxBytes = b.TempDir(), 64<<30
	s, err := Open(cfg, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	require.NoError(b, err)
	defer s.Close()
	r, left := benchRecord(), atomic.Int64{}
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := s.Append(context.Background(), r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.SetBytes(eventSize)
}

func benchBare(b *testing.B, callers int) {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	require.NoError(b, err)
	defer f.Close()
	n, err := frameSize(benchRecord())
	require.NoError(b, err)
	block := make([]byte, n*callers)
	b.ResetTimer()
	for done := 0; done < b.N; done += callers {
		if _, err := f.Write(block[:n*min(callers, b.N-done)]); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.SetBytes(eventSize)
}

// BenchmarkDrain is events a second from disk to a broker that costs nothing.
func BenchmarkDrain(b *testing.B) {
	cfg := DefaultConfig()
	cfg.Dir, cfg.MaxBytes = b.TempDir(), 64<<30
	s, err := Open(cfg, Deps{Log: zap.NewNop(), Registry: prometheus.NewRegistry()})
	require.NoError(b, err)
	defer s.Close()
	many := make([]Record, 1000)
	for i := range many {
		many[i] = benchRecord()
	}
	for done := 0; done < b.N; done += len(many) {
		require.NoError(b, s.Append(b.Context(), many[:min(len(many), b.N-done)]...))
	}
	b.ReportAllocs()
	b.ResetTimer()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Drain(ctx, func(context.Context, []Record) error { return nil })
	}()
	require.NoError(b, s.WaitDrained(ctx))
	b.StopTimer()
	cancel()
	<-ended
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.SetBytes(eventSize)
}
