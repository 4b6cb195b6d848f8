package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
)

// rig is an open spool over a disk that can fail.
type rig struct {
	*Spool
	dir      string
	registry *prometheus.Registry
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.SegmentBytes, cfg.MaxBytes = 64<<10, 16<<20
	return cfg
}

func openAt(t testing.TB, dir string, alter ...func(*Config, *Deps, *disk)) *rig {
	t.Helper()
	r, err := tryOpen(t, dir, alter...)
	require.NoError(t, err)
	return r
}

func tryOpen(t testing.TB, dir string, alter ...func(*Config, *Deps, *disk)) (*rig, error) {
	t.Helper()
	cfg, on := testConfig(), realDisk()
	cfg.Dir = dir
	registry := prometheus.NewRegistry()
	d := Deps{Log: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)), Registry: registry}
	for _, f := range alter {
		f(&cfg, &d, &on)
	}
	s, err := open(cfg, d, on)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = s.Close() })
	return &rig{Spool: s, dir: dir, registry: registry}, nil
}

// crash lets the folder go as a kill does: nothing is finished, nothing is noted.
func (r *rig) crash() {
	r.mu.Lock()
	r.closed = true
	close(r.closing)
	r.work.Broadcast()
	r.mu.Unlock()
	<-r.committed
	r.draining.Lock()
	defer r.draining.Unlock()
	_ = r.position.close()
	_ = r.lock.Close()
}

func rec(key, value string) Record {
	return Record{Topic: "events", Key: []byte(key), Value: []byte(value), ReceivedAt: time.UnixMilli(time.Now().UnixMilli())}
}

func (r *rig) add(t testing.TB, values ...string) {
	t.Helper()
	for _, v := range values {
		require.NoError(t, r.Append(t.Context(), rec("k", v)))
	}
}

// broker is where Drain hands records to.
type broker struct {
	mu   sync.Mutex
	got  []Record
	fail func(call int, records []Record) error // nil = takes all
	call int
}

func (b *broker) produce(_ context.Context, records []Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.call++
	if b.fail != nil {
		if err := b.fail(b.call, records); err != nil {
			return err
		}
	}
	b.got = append(b.got, records...)
	return nil
}

func (b *broker) values() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]string, len(b.got))
	for i, r := range b.got {
		list[i] = string(r.Value)
	}
	return list
}

// drainAll drains until nothing waits, and returns what came in that time.
func (r *rig) drainAll(t testing.TB, b *broker) []string {
	t.Helper()
	stop := r.startDrain(t, b)
	wait, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, r.WaitDrained(wait))
	stop()
	return b.values()
}

func (r *rig) startDrain(t testing.TB, b *broker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Drain(ctx, b.produce) }()
	return func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) {
			t.Errorf("Drain ended with %v", err)
		}
	}
}

func (r *rig) metric(t testing.TB, name string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "leadstream_ingest_spool_"+name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	return list
}

func numbers(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return list
}

func TestWhatGoesInComesOut(t *testing.T) {
	s := openAt(t, t.TempDir())
	at := time.UnixMilli(1_700_000_000_123)
	in := []Record{
		{Topic: "events", Key: []byte("key"), Value: []byte("value"), ReceivedAt: at},
		{Topic: "deadletter", Key: nil, Value: []byte{0, 1, 2}, ReceivedAt: at},
		{Topic: "events", Key: []byte{}, Value: []byte{}, ReceivedAt: at},
		{Topic: "", Key: []byte("k"), Value: []byte(strings.Repeat("long ", 400_000)), ReceivedAt: at},
	}
	require.False(t, s.Pending())
	require.NoError(t, s.Append(t.Context(), in...))
	require.True(t, s.Pending())
	b := &broker{}
	s.drainAll(t, b)
	require.Len(t, b.got, len(in))
	for i, r := range b.got {
		require.Equal(t, in[i], r)
	}
	require.Nil(t, b.got[1].Key, "no key and an empty key are not the same to a broker")
	require.NotNil(t, b.got[2].Key)
	require.False(t, s.Pending())
	require.Equal(t, 4.0, s.metric(t, "appends_total"))
	require.Equal(t, 4.0, s.metric(t, "drained_total"))
	require.Equal(t, 0.0, s.metric(t, "quarantined_bytes_total"))
}

func TestAcceptedIsKeptOverAStop(t *testing.T) {
	for _, how := range []string{"close", "crash"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			s := openAt(t, dir)
			want := numbers("a", 300)
			s.add(t, want...)
			if how == "crash" {
				s.crash()
			} else {
				require.NoError(t, s.Close())
			}
			s = openAt(t, dir)
			require.Equal(t, how == "close", s.Recovered().Clean)
			require.True(t, s.Recovered().Waiting)
			require.True(t, s.Pending(), "what waits from before goes first")
			require.Positive(t, s.metric(t, "oldest_seconds"))
			s.add(t, "after")
			require.Equal(t, append(want, "after"), s.drainAll(t, &broker{}))
			require.Equal(t, 0.0, s.metric(t, "oldest_seconds"))
			require.NoError(t, s.Close())
			require.Empty(t, files(t, dir, "*.spool"), "drained segments are removed")
			s = openAt(t, dir)
			require.False(t, s.Pending())
			require.Empty(t, s.drainAll(t, &broker{}))
		})
	}
}

func TestSegmentsRotateAndGo(t *testing.T) {
	s := openAt(t, t.TempDir())
	value := strings.Repeat("x", 10_000)
	for range 40 {
		s.add(t, value)
	}
	require.GreaterOrEqual(t, s.metric(t, "segments"), 6.0)
	require.GreaterOrEqual(t, s.metric(t, "bytes"), 400_000.0)
	require.Len(t, s.drainAll(t, &broker{}), 40)
	require.NoError(t, s.Close())
	require.Empty(t, files(t, s.dir, "*.spool"))
	require.Equal(t, 0.0, s.metric(t, "bytes"))
}

// TestADrainedSegmentDoesNotStay: an erased person's events must not lie in a file for months because nothing came after them.
func TestADrainedSegmentDoesNotStay(t *testing.T) {
	s := openAt(t, t.TempDir(), func(c *Config, _ *Deps, _ *disk) { c.SegmentAge = time.Second })
	s.add(t, "a")
	defer s.startDrain(t, &broker{})()
	require.Len(t, files(t, s.dir, "*.spool"), 1)
	require.Eventually(t, func() bool { return len(files(t, s.dir, "*.spool")) == 0 }, time.Minute, 20*time.Millisecond)
	s.add(t, "b") // and a new one begins
	require.NoError(t, s.WaitDrained(t.Context()))
}

func TestOneProcessPerFolder(t *testing.T) {
	dir := t.TempDir()
	openAt(t, dir)
	_, err := tryOpen(t, dir)
	require.ErrorContains(t, err, fmt.Sprintf("%s is in use by another leadstream (process %d): stop that one", dir, os.Getpid()))
}

func TestAfterClose(t *testing.T) {
	s := openAt(t, t.TempDir())
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Append(t.Context(), rec("k", "v")), ErrClosed)
	require.ErrorIs(t, s.Drain(t.Context(), (&broker{}).produce), ErrClosed)
	require.ErrorIs(t, s.Room(), ErrClosed)
}

func TestFullBySizeRefusesAndRecovers(t *testing.T) {
	s := openAt(t, t.TempDir(), func(c *Config, _ *Deps, _ *disk) { c.MaxBytes = 128 << 10 })
	value := strings.Repeat("x", 10_000)
	kept := 0
	var err error
	for err == nil {
		if err = s.Append(t.Context(), rec("k", value)); err == nil {
			kept++
		}
	}
	require.ErrorIs(t, err, ErrFull)
	require.ErrorContains(t, err, "raise max_bytes")
	require.Equal(t, 13, kept)
	require.Equal(t, 1.0, s.metric(t, "full_total"))
	require.NoError(t, s.Append(t.Context(), rec("k", "a small one still fits")))
	require.Len(t, s.drainAll(t, &broker{}), kept+1)
	s.draining.Lock()
	s.tend()
	s.draining.Unlock()
	require.NoError(t, s.Append(t.Context(), rec("k", value)), "there is room again without a restart")
}

func TestFullByAge(t *testing.T) {
	now, mu := time.Now(), sync.Mutex{}
	s := openAt(t, t.TempDir(), func(c *Config, d *Deps, _ *disk) {
		c.MaxAge = time.Hour
		d.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	require.NoError(t, s.Append(t.Context(), Record{Topic: "t", Value: []byte("old")}))
	require.NoError(t, s.Room())
	mu.Lock()
	now = now.Add(2 * time.Hour)
	mu.Unlock()
	require.InDelta(t, 7200, s.metric(t, "oldest_seconds"), 1)
	err := s.Append(t.Context(), rec("k", "new"))
	require.ErrorIs(t, err, ErrFull)
	require.ErrorContains(t, err, "2h0m0s")
	require.ErrorIs(t, s.Room(), ErrFull)
	require.Equal(t, []string{"old"}, s.drainAll(t, &broker{}), "what was taken is never dropped for its age")
	require.NoError(t, s.Append(t.Context(), rec("k", "new")))
}

func TestARecordThatCannotBeKept(t *testing.T) {
	s := openAt(t, t.TempDir())
	require.ErrorContains(t, s.Append(t.Context(), rec("k", strings.Repeat("x", maxBody))), "is larger than")
	require.ErrorContains(t, s.Append(t.Context(), Record{Topic: strings.Repeat("t", maxTopic+1)}), "is larger than")
	require.NoError(t, s.Append(t.Context()))
	require.False(t, s.Pending())
}

func TestConfigNamesEveryFault(t *testing.T) {
	err := Config{}.Validate()
	for _, key := range []string{"segment_bytes", "max_age", "segment_age", "keep_bad"} {
		require.ErrorContains(t, err, key)
	}
	require.NoError(t, DefaultConfig().Validate())
	cfg := DefaultConfig()
	cfg.KeepFor, cfg.MaxBytes = -1, cfg.SegmentBytes
	require.ErrorContains(t, cfg.Validate(), "keep_for")
	require.ErrorContains(t, cfg.Validate(), "max_bytes")
	_, err = tryOpen(t, t.TempDir(), func(c *Config, _ *Deps, _ *disk) { *c = Config{} })
	require.ErrorContains(t, err, "segment_bytes")
	_, err = tryOpen(t, "")
	require.ErrorContains(t, err, "a folder is needed")
	_, err = tryOpen(t, "/dev/null/spool")
	require.ErrorContains(t, err, "/dev/null")
}

func TestMetricsAreWellNamed(t *testing.T) {
	s := openAt(t, t.TempDir())
	problems, err := testutil.GatherAndLint(s.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	for _, name := range []string{"bytes", "segments", "oldest_seconds", "appends_total", "append_seconds", "full_total", "torn_total",
		"quarantined_bytes_total", "drained_total", "fsync_seconds", "drain_failed_total", "replays_total", "refused_total", "abandoned_total"} {
		require.Zero(t, s.metric(t, name), name)
	}
}

func TestAlwaysIsNeverDirect(t *testing.T) {
	s := openAt(t, t.TempDir(), func(c *Config, _ *Deps, _ *disk) { c.Always = true })
	require.False(t, s.Pending())
	require.False(t, s.Direct())
}
