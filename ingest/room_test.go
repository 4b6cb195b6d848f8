package ingest

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/config"
)

func TestRoomIsWaitedForAndGivenBack(t *testing.T) {
	o := newRoom(1000)
	o.patience = time.Hour
	a, b := hold{of: o}, hold{of: o}
	require.True(t, a.grow(t.Context(), 900))
	got := make(chan bool)
	go func() { got <- b.grow(context.Background(), 900) }()
	require.Eventually(t, func() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.waiting == 1 }, time.Minute, time.Millisecond)
	a.free()
	require.True(t, <-got)
	o.patience = time.Millisecond
	require.False(t, a.grow(t.Context(), 101))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	o.patience = time.Hour
	require.False(t, a.grow(gone, 101), "a sender that went away waits no longer")
	b.free()
	b.free()
	require.Zero(t, o.inUse())
}

func TestLargeBodiesLeaveRoomForSmallOnes(t *testing.T) {
	o := newRoom(1 << 20)
	o.patience = time.Millisecond
	large, more, small := hold{of: o}, hold{of: o}, hold{of: o}
	require.True(t, large.grow(t.Context(), 768<<10))
	require.False(t, more.grow(t.Context(), 128<<10))
	require.True(t, small.grow(t.Context(), smallBody))
}

// TestAHundredBombsTakeNoGigabytes: each is within the limit of one request, and would be 20 MiB. Whatever is counted as in use,
// and what the heap really has, stay below what the config says (the heap: twice, since the collector of garbage lets it double).
func TestAHundredBombsTakeNoGigabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks gigabytes; `make test` runs it")
	}
	_, opts := broker(t)
	const most = 128 << 20
	f := start(t, opts, func(c *Config, _ *Deps) { c.MaxInFlight = config.Size(most) })
	// One event of 20 MiB of spaces inside: it is unpacked and read to its end before it is refused as too large.
	bomb := packed(t, `[{"type":"page","anonymous_id":"a"`+strings.Repeat(" ", 20<<20-100)+`}]`)
	require.Less(t, len(bomb), 100<<10)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)

	var used, heap atomic.Uint64
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		var now runtime.MemStats
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&now)
				heap.Store(max(heap.Load(), now.HeapAlloc))
				used.Store(max(used.Load(), uint64(f.bodies.room.inUse())))
			}
		}
	}()
	var senders sync.WaitGroup
	var answers [600]atomic.Int64
	for range 100 {
		senders.Go(func() {
			answer, _ := f.ask(t, "POST", "/v1/events?key=demo", bomb)
			answers[answer.StatusCode].Add(1)
		})
	}
	senders.Wait()
	close(ended)
	<-watched
	t.Logf("413: %d, 503: %d; counted at most %d MiB, heap at most %d MiB above %d MiB", answers[413].Load(), answers[503].Load(),
		used.Load()>>20, (heap.Load()-min(heap.Load(), before.HeapAlloc))>>20, before.HeapAlloc>>20)
	require.EqualValues(t, 100, answers[413].Load()+answers[503].Load())
	require.LessOrEqual(t, used.Load(), uint64(most))
	require.Less(t, heap.Load(), before.HeapAlloc+2*most+64<<20)
	require.Zero(t, f.bodies.room.inUse())
	answer, body := f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a"}`)
	require.Equal(t, 200, answer.StatusCode, body)
	require.Equal(t, float64(answers[503].Load()), f.value(t, "leadstream_ingest_refused_total", "reason", "no_room"))
}

// TestNoRoomIs503: everything is taken, the sender is told to come again.
func TestNoRoomIs503(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	f.bodies.room.patience = time.Millisecond
	all := hold{of: f.bodies.room}
	require.True(t, f.bodies.room.take(t.Context(), f.bodies.room.most, f.bodies.room.most))
	all.n = f.bodies.room.most
	answer, body := f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a"}`)
	refusedWithWord(t, answer, body, noRoom)
	require.Equal(t, float64(all.n), f.value(t, "leadstream_ingest_bodies_in_flight_bytes"))
	all.free()
	answer, body = f.ask(t, "POST", "/v1/events?key=demo", `{"type":"page","anonymous_id":"a"}`)
	require.Equal(t, 200, answer.StatusCode, body)
}
