package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// faults stands between the spool and real files. The functions may be nil; those that return an error make the call fail.
type faults struct {
	onOpen  func(name string, flag int) error
	onWrite func(n int) (written int, err error)
	onSync  func() error
	onTrunc func() error
	onRead  func(at int64) error
	onDir   func() error
	syncs   atomic.Int64
}

type faultyFile struct {
	*os.File
	on *faults
}

func (f *faults) disk() disk {
	return disk{
		openFile: func(name string, flag int, perm fs.FileMode) (file, error) {
			if f.onOpen != nil {
				if err := f.onOpen(name, flag); err != nil {
					return nil, err
				}
			}
			real, err := os.OpenFile(name, flag, perm)
			if err != nil {
				return nil, err
			}
			if strings.HasSuffix(name, "position") {
				return real, nil
			}
			return &faultyFile{real, f}, nil
		},
		syncDir: func(dir string) error {
			if f.onDir != nil {
				if err := f.onDir(); err != nil {
					return err
				}
			}
			return syncDir(dir)
		},
	}
}

func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	if f.on.onWrite != nil {
		if n, err := f.on.onWrite(len(b)); err != nil {
			n, _ = f.File.WriteAt(b[:n], at)
			return n, err
		}
	}
	return f.File.WriteAt(b, at)
}

func (f *faultyFile) ReadAt(b []byte, at int64) (int, error) {
	if f.on.onRead != nil {
		if err := f.on.onRead(at); err != nil {
			return 0, err
		}
	}
	return f.File.ReadAt(b, at)
}

func (f *faultyFile) Sync() error {
	f.on.syncs.Add(1)
	if f.on.onSync != nil {
		if err := f.on.onSync(); err != nil {
			return err
		}
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if f.on.onTrunc != nil {
		if err := f.on.onTrunc(); err != nil {
			return err
		}
	}
	return f.File.Truncate(size)
}

func withFaults(f *faults) func(*Config, *Deps, *disk) {
	return func(_ *Config, _ *Deps, d *disk) { *d = f.disk() }
}

// TestManyShareASync: 200 callers at once cost a few syncs, and each gets its own answer.
func TestManyShareASync(t *testing.T) {
	f := &faults{}
	s := openAt(t, t.TempDir(), withFaults(f))
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			for n := range 10 {
				if err := s.Append(context.Background(), rec(fmt.Sprint(i), fmt.Sprintf("%d-%d", i, n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.Less(t, f.syncs.Load(), int64(1000), "2000 appends")
	require.Equal(t, 2000.0, s.metric(t, "appends_total"))
	next := map[string]int{}
	b := &broker{}
	s.drainAll(t, b)
	require.Len(t, b.got, 2000)
	for _, r := range b.got {
		require.Equal(t, fmt.Sprintf("%s-%d", r.Key, next[string(r.Key)]), string(r.Value), "the order of one caller is kept")
		next[string(r.Key)]++
	}
}

// TestASlowDiskBoundsMemory: callers wait outside once a group is full, and their context frees them.
func TestASlowDiskBoundsMemory(t *testing.T) {
	hold, entered := make(chan struct{}), make(chan struct{}, 100)
	f := &faults{onSync: func() error { entered <- struct{}{}; <-hold; return nil }}
	s := openAt(t, t.TempDir(), withFaults(f))
	big := strings.Repeat("x", maxGroup/2)
	answers := make(chan error, 10)
	one := func(ctx context.Context) { answers <- s.Append(ctx, rec("k", big)) }
	go one(t.Context())
	<-entered // the first is at the disk; the second gathers; the others find no room
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		go one(ctx)
	}
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.group.buf) > 0 }, testWait, testTick)
	require.ErrorIs(t, func() error { c, stop := context.WithCancel(ctx); stop(); return s.Append(c, rec("k", big)) }(), context.Canceled)
	cancel()
	for range 3 {
		require.ErrorIs(t, <-answers, context.Canceled)
	}
	close(hold)
	require.NoError(t, <-answers)
	require.Positive(t, len(s.drainAll(t, &broker{})))
}

// TestDiskFullAndBack: the answer is ErrFull, what was half written is taken back, and the same spool works when there is room.
func TestDiskFullAndBack(t *testing.T) {
	for _, partial := range []int{0, 1, 15, 16, 40} {
		t.Run(fmt.Sprint(partial), func(t *testing.T) {
			full := atomic.Bool{}
			f := &faults{onWrite: func(int) (int, error) {
				if full.Load() {
					return partial, syscall.ENOSPC
				}
				return 0, nil
			}}
			s := openAt(t, t.TempDir(), withFaults(f))
			s.add(t, "before")
			full.Store(true)
			for range 3 {
				require.ErrorIs(t, s.Append(t.Context(), rec("k", "a value of some length")), ErrFull)
			}
			require.Equal(t, 3.0, s.metric(t, "full_total"))
			info, err := os.Stat(files(t, s.dir, "*.spool")[0])
			require.NoError(t, err)
			require.Equal(t, s.metric(t, "bytes"), float64(info.Size()), "the half written frame is gone")
			full.Store(false)
			s.add(t, "after")
			require.Len(t, files(t, s.dir, "*.spool"), 1, "the segment goes on")
			s.crash()
			s = openAt(t, s.dir)
			require.Equal(t, []string{"before", "after"}, s.drainAll(t, &broker{}))
			require.Zero(t, s.metric(t, "quarantined_bytes_total"))
		})
	}
}

// TestDiskFullFromTheStart: not even a segment can be created; the numbers it would have had are not used twice.
func TestDiskFullFromTheStart(t *testing.T) {
	full := true
	f := &faults{onOpen: func(name string, flag int) error {
		if full && strings.HasSuffix(name, suffix) && flag&os.O_CREATE != 0 {
			return syscall.ENOSPC
		}
		return nil
	}}
	s := openAt(t, t.TempDir(), withFaults(f))
	require.ErrorIs(t, s.Append(t.Context(), rec("k", "refused")), ErrFull)
	require.False(t, s.Pending())
	require.NoError(t, s.WaitDrained(t.Context()))
	full = false
	s.add(t, "taken")
	require.Equal(t, []string{"taken"}, s.drainAll(t, &broker{}))
}

// TestNothingDependsOnAFailedSync: after one the segment is left where the last good sync ended, the group goes to a new one,
// and the order stays.
func TestNothingDependsOnAFailedSync(t *testing.T) {
	for _, c := range []struct {
		truncates, crash bool
		want             []string
	}{
		{true, false, []string{"1", "2", "3", "4"}},
		{true, true, []string{"1", "2", "3", "4"}},
		{false, false, []string{"1", "2", "3", "4"}},
		{false, true, []string{"1", "2", "3", "3", "4"}}, // what the failed sync left may come too: a repeat
	} {
		t.Run(fmt.Sprintf("truncates=%v crash=%v", c.truncates, c.crash), func(t *testing.T) {
			calls := 0
			f := &faults{onSync: func() error {
				if calls++; calls == 3 {
					return syscall.EIO
				}
				return nil
			}, onTrunc: func() error {
				if !c.truncates {
					return syscall.EIO
				}
				return nil
			}}
			s := openAt(t, t.TempDir(), withFaults(f))
			s.add(t, "1", "2", "3", "4") // the third sync fails, its second chance does not
			require.Equal(t, 1.0, s.metric(t, "abandoned_total"))
			require.Len(t, files(t, s.dir, "*.spool"), 2)
			if c.crash {
				s.crash()
				s = openAt(t, s.dir)
			}
			require.Equal(t, c.want, s.drainAll(t, &broker{}))
		})
	}
}

// TestABrokenDiskIsAnError: neither attempt worked; the caller hears it, nothing pends, and it works when the disk does.
func TestABrokenDiskIsAnError(t *testing.T) {
	for name, at := range map[string]func(f *faults, fail func() error){
		"write": func(f *faults, fail func() error) { f.onWrite = func(int) (int, error) { return 7, fail() } },
		"sync":  func(f *faults, fail func() error) { f.onSync = fail },
		"dir":   func(f *faults, fail func() error) { f.onDir = fail },
		"open": func(f *faults, fail func() error) {
			f.onOpen = func(name string, flag int) error {
				if flag&os.O_EXCL != 0 {
					return fail()
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			broken := atomic.Bool{}
			f := &faults{}
			at(f, func() error {
				if broken.Load() {
					return syscall.EIO
				}
				return nil
			})
			s := openAt(t, t.TempDir(), withFaults(f), func(c *Config, _ *Deps, _ *disk) { c.SegmentBytes = 64 << 10 })
			broken.Store(true)
			err := s.Append(t.Context(), rec("k", "lost, and told so"))
			require.ErrorIs(t, err, syscall.EIO)
			require.False(t, errors.Is(err, ErrFull))
			require.ErrorContains(t, err, s.dir)
			require.False(t, s.Pending())
			require.Empty(t, files(t, s.dir, "*.spool"))
			broken.Store(false)
			s.add(t, "kept")
			require.Equal(t, []string{"kept"}, s.drainAll(t, &broker{}))
		})
	}
}

// TestCloseFinishesWhatWasBegun: who is inside Append at Close gets an answer, and a nil is kept.
func TestCloseFinishesWhatWasBegun(t *testing.T) {
	s := openAt(t, t.TempDir())
	var mu sync.Mutex
	kept := map[string]bool{}
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d", i, n)
				err := s.Append(context.Background(), rec("k", id))
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				kept[id] = true
				mu.Unlock()
			}
		})
	}
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(kept) > 500 }, testWait, testTick)
	require.NoError(t, s.Close())
	group.Wait()
	s = openAt(t, s.dir)
	for _, v := range s.drainAll(t, &broker{}) {
		delete(kept, v)
	}
	require.Empty(t, kept)
}
