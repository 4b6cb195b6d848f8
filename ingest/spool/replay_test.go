package spool

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); c.at = c.at.Add(d); c.mu.Unlock() }

func keeping(c *clock) func(*Config, *Deps, *disk) {
	return func(cfg *Config, d *Deps, _ *disk) {
		cfg.KeepFor, cfg.SegmentAge, d.Now = 2*time.Minute, 10*time.Minute, c.now
	}
}

// drainsAndTends drains what waits and tends the folder, as Drain does within a second.
func (r *rig) drainsAndTends(t *testing.T, want ...string) {
	t.Helper()
	require.Equal(t, want, r.drainAll(t, &broker{}))
	r.draining.Lock()
	r.tend()
	r.draining.Unlock()
}

// TestAnUncleanStopRepeatsTheTail: with a broker that syncs nothing, what it acknowledged shortly before comes again.
func TestAnUncleanStopRepeatsTheTail(t *testing.T) {
	c := &clock{at: time.Now()}
	s := openAt(t, t.TempDir(), keeping(c))
	s.add(t, "old")
	s.drainsAndTends(t, "old")
	c.pass(3 * time.Minute)
	s.add(t, "young")
	s.drainsAndTends(t, "young")
	c.pass(time.Minute)
	s.add(t, "younger")
	s.drainsAndTends(t, "younger")
	s.crash()

	s = openAt(t, s.dir, keeping(c))
	require.False(t, s.Recovered().Clean)
	require.Positive(t, s.Recovered().Replayed)
	require.Equal(t, 1.0, s.metric(t, "replays_total"))
	require.True(t, s.Pending(), "new events wait their turn behind the repeats")
	s.add(t, "new")
	s.drainsAndTends(t, "young", "younger", "new")
	s.crash()

	s = openAt(t, s.dir, keeping(c))
	s.drainsAndTends(t, "young", "younger", "new") // a second crash so soon: the same again
	c.pass(3 * time.Minute)
	s.draining.Lock()
	s.tend()
	s.draining.Unlock()
	s.crash()
	s = openAt(t, s.dir, keeping(c))
	require.Zero(t, s.Recovered().Replayed, "all of it is older than KeepFor")
	require.False(t, s.Pending())
}

func TestACleanStopRepeatsNothing(t *testing.T) {
	c := &clock{at: time.Now()}
	s := openAt(t, t.TempDir(), keeping(c))
	s.add(t, "1", "2")
	s.drainsAndTends(t, "1", "2")
	require.NoError(t, s.Close())
	require.NotEmpty(t, files(t, s.dir, "*.spool"), "the machine may yet lose its power")

	s = openAt(t, s.dir, keeping(c))
	require.True(t, s.Recovered().Clean)
	require.Zero(t, s.Recovered().Replayed)
	require.False(t, s.Pending())
	c.pass(3 * time.Minute)
	s.draining.Lock()
	s.tend()
	s.draining.Unlock()
	require.Empty(t, files(t, s.dir, "*.spool"), "KeepFor counts from the start on")
	s.crash()
	require.False(t, openAt(t, s.dir, keeping(c)).Recovered().Clean, "clean is said once")
}

// TestACleanStopBeforeAPowerCut: the machine has started anew since, so the broker's pages may be gone all the same.
func TestACleanStopBeforeAPowerCut(t *testing.T) {
	c := &clock{at: time.Now()}
	s := openAt(t, t.TempDir(), keeping(c))
	s.add(t, "1")
	s.drainsAndTends(t, "1")
	s.boot = [16]byte{1}
	require.NoError(t, s.Close())
	s = openAt(t, s.dir, keeping(c))
	require.False(t, s.Recovered().Clean)
	s.drainsAndTends(t, "1")
}

// TestKeepForCanBeSwitchedOff between two starts, when a real broker takes the embedded one's place.
func TestKeepForCanBeSwitchedOff(t *testing.T) {
	c := &clock{at: time.Now()}
	s := openAt(t, t.TempDir(), keeping(c))
	s.add(t, "1")
	s.drainsAndTends(t, "1")
	s.crash()
	s = openAt(t, s.dir)
	require.False(t, s.Pending())
	require.Empty(t, files(t, s.dir, "*.spool"))
}

// TestTheTailIsBounded: KeepFor costs disk for its time, not for ever; and nothing is taken that would cut it short.
func TestTheTailIsBounded(t *testing.T) {
	c := &clock{at: time.Now()}
	s := openAt(t, t.TempDir(), keeping(c), func(cfg *Config, _ *Deps, _ *disk) { cfg.MaxBytes = 128 << 10 })
	value := string(make([]byte, 20_000))
	for range 6 {
		s.add(t, value)
		s.drainsAndTends(t, value)
	}
	require.ErrorIs(t, s.Append(t.Context(), rec("k", value)), ErrFull)
	for range 4 {
		c.pass(time.Minute)
		s.draining.Lock()
		s.tend()
		s.draining.Unlock()
	}
	s.add(t, value)
}

func TestHistory(t *testing.T) {
	h := history{keep: 64 * time.Second}
	at := time.Unix(1000, 0)
	settled := uint64(0)
	for i := range 200 {
		h.note(at, uint64(i))
		h.note(at, uint64(i)) // the same again takes no room
		settled = h.settled(at, uint64(i), settled)
		require.Equal(t, uint64(max(0, i-64)), settled)
		require.LessOrEqual(t, len(h.marks), 65)
		at = at.Add(time.Second)
	}
	off := history{}
	off.note(at, 5)
	require.Equal(t, uint64(7), off.settled(at, 7, 3))
}
