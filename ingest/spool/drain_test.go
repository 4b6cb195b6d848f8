package spool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	testWait = time.Minute // generous: the machine that tests run on may be busy with others
	testTick = 2 * time.Millisecond
)

var errAway = errors.New("the broker is away")

// TestOrderPerKeyWhileTheBrokerFails: the broker refuses half of the time; first arrivals of each key stay in order, and
// nothing is missing.
func TestOrderPerKeyWhileTheBrokerFails(t *testing.T) {
	s := openAt(t, t.TempDir())
	random := rand.New(rand.NewPCG(1, 2))
	b := &broker{fail: func(int, []Record) error {
		if random.IntN(2) == 0 {
			return errAway
		}
		return nil
	}}
	stop := s.startDrain(t, b)
	var group sync.WaitGroup
	for key := range 20 {
		group.Go(func() {
			for n := range 50 {
				if err := s.Append(context.Background(), rec(fmt.Sprint(key), fmt.Sprint(n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, s.WaitDrained(t.Context()))
	stop()
	next := map[string]int{}
	for _, r := range b.got {
		require.Equal(t, fmt.Sprint(next[string(r.Key)]), string(r.Value))
		next[string(r.Key)]++
	}
	require.Len(t, next, 20)
	require.Equal(t, 1000.0, s.metric(t, "drained_total"))
	require.Positive(t, s.metric(t, "drain_failed_total"))
}

// TestPendingTellsWhereToGo is the whole machine: direct -> spooling -> draining -> direct.
func TestPendingTellsWhereToGo(t *testing.T) {
	s := openAt(t, t.TempDir())
	away := atomic.Bool{}
	away.Store(true)
	b := &broker{fail: func(int, []Record) error {
		if away.Load() {
			return errAway
		}
		return nil
	}}
	stop := s.startDrain(t, b)
	defer stop()
	require.False(t, s.Pending())
	require.True(t, s.Direct(), "direct")
	s.add(t, "1")
	require.False(t, s.Direct(), "spooling")
	require.Eventually(t, func() bool { return s.metric(t, "drain_failed_total") >= 2 }, testWait, testTick)
	require.True(t, s.Pending())
	require.False(t, s.Direct())
	s.add(t, "2")
	away.Store(false)
	require.NoError(t, s.WaitDrained(t.Context()))
	require.True(t, s.Direct(), "direct again")
	require.Equal(t, []string{"1", "2"}, b.values())
}

// TestACrashBetweenAcknowledgementAndPosition repeats records and loses none.
func TestACrashBetweenAcknowledgementAndPosition(t *testing.T) {
	s := openAt(t, t.TempDir())
	want := numbers("v", 100)
	s.add(t, want...)
	b := &broker{}
	acknowledged := make(chan struct{})
	go func() {
		_ = s.Drain(context.Background(), func(ctx context.Context, records []Record) error {
			_ = b.produce(ctx, records)
			close(acknowledged)
			<-s.closing // the process ends here, before it can note the acknowledgement
			return errors.New("too late")
		})
	}()
	<-acknowledged
	s.crash()
	require.NotEmpty(t, b.values())
	s = openAt(t, s.dir)
	require.Equal(t, want, s.drainAll(t, &broker{}), "all once more")
}

// TestThePositionIsKept: what was drained and noted does not come again.
func TestThePositionIsKept(t *testing.T) {
	s := openAt(t, t.TempDir())
	s.add(t, numbers("first", 50)...)
	b := &broker{}
	stop := s.startDrain(t, b)
	require.NoError(t, s.WaitDrained(t.Context()))
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.saved.drained == s.drained.Load() }, testWait, testTick)
	stop()
	s.add(t, "second")
	s.crash()
	s = openAt(t, s.dir)
	require.Equal(t, []string{"second"}, s.drainAll(t, &broker{}))
}

func TestAPositionThatIsGoneOrTornCostsOnlyRepeats(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"gone":  func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"empty": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) },
		"noise": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("noise", 2000)), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openAt(t, t.TempDir())
			s.add(t, "1", "2")
			require.Len(t, s.drainAll(t, &broker{}), 2)
			s.add(t, "3")
			s.crash()
			damage(t, s.position.path)
			s = openAt(t, s.dir)
			require.Equal(t, []string{"1", "2", "3"}, s.drainAll(t, &broker{}))
			s.add(t, "4")
			require.Equal(t, []string{"4"}, s.drainAll(t, &broker{}))
		})
	}
}

// TestOneTornSlotLeavesTheOther: a crash in the middle of a save falls back to the save before it.
func TestOneTornSlotLeavesTheOther(t *testing.T) {
	p := position{path: t.TempDir() + "/position", disk: realDisk()}
	require.NoError(t, p.save(place{drained: 5, settled: 4}))
	require.NoError(t, p.save(place{drained: 9, settled: 8, clean: true, boot: bootID()}))
	again := position{path: p.path, disk: realDisk()}
	at, known, err := again.load()
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, place{drained: 9, settled: 8, clean: true, boot: bootID()}, at)

	_, err = p.file.WriteAt([]byte("torn"), int64(p.turn%2)*slotStride+20)
	require.NoError(t, err)
	again = position{path: p.path, disk: realDisk()}
	at, known, err = again.load()
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, place{drained: 5, settled: 4}, at)
	require.NoError(t, again.save(place{drained: 10}))
	at, _, err = (&position{path: p.path, disk: realDisk()}).load()
	require.NoError(t, err)
	require.Equal(t, uint64(10), at.drained, "the next save replaces the torn one")
	require.NoError(t, errors.Join(p.close(), again.close()))
}

// TestOneBadRecordDoesNotStopTheLine: it is set aside in a file that can be drained again.
func TestOneBadRecordDoesNotStopTheLine(t *testing.T) {
	s := openAt(t, t.TempDir())
	s.add(t, "1", "poison", "2", "poison", "3")
	b := &broker{}
	stop := s.startDrain(t, &broker{fail: func(_ int, records []Record) error {
		var no Refused
		for i, r := range records {
			if string(r.Value) == "poison" {
				no.Index = append(no.Index, i)
			} else {
				_ = b.produce(t.Context(), records[i:i+1])
			}
		}
		if len(no.Index) == 0 {
			return nil
		}
		no.Why = errors.New("too large")
		return fmt.Errorf("produce: %w", &no)
	}})
	require.NoError(t, s.WaitDrained(t.Context()))
	stop()
	require.Equal(t, []string{"1", "2", "3"}, b.values())
	require.Equal(t, 2.0, s.metric(t, "refused_total"))
	require.Equal(t, 3.0, s.metric(t, "drained_total"))
	bad := files(t, s.dir, "*.bad")
	require.NotEmpty(t, bad)

	var again []string
	for _, path := range bad {
		dir := t.TempDir()
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		name := strings.TrimSuffix(path[strings.LastIndex(path, "/")+1:], badSuffix)
		require.NoError(t, os.WriteFile(dir+"/"+name, content, 0o600))
		again = append(again, openAt(t, dir).drainAll(t, &broker{})...)
	}
	require.Equal(t, []string{"poison", "poison"}, again)
}

func TestARefusalThatNamesNothingKnownIsTriedAgain(t *testing.T) {
	s := openAt(t, t.TempDir())
	s.add(t, "1")
	b := &broker{fail: func(call int, _ []Record) error {
		if call == 1 {
			return &Refused{Index: []int{7}, Why: errors.New("nonsense")}
		}
		return nil
	}}
	require.Equal(t, []string{"1"}, s.drainAll(t, b))
	require.Equal(t, "the broker will never take 1 records: nonsense", (&Refused{Index: []int{7}, Why: errors.New("nonsense")}).Error())
	require.Equal(t, 1.0, s.metric(t, "drain_failed_total"))
}

func TestOneDrainAtATime(t *testing.T) {
	s := openAt(t, t.TempDir())
	began := make(chan struct{})
	s.add(t, "1")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Drain(ctx, func(ctx context.Context, _ []Record) error { close(began); <-ctx.Done(); return ctx.Err() })
	}()
	<-began
	require.ErrorContains(t, s.Drain(t.Context(), (&broker{}).produce), "already")
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.True(t, s.Pending())
	require.Equal(t, []string{"1"}, s.drainAll(t, &broker{}))
}

func TestWaitDrainedGivesUpWithItsContext(t *testing.T) {
	s := openAt(t, t.TempDir())
	s.add(t, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.WaitDrained(ctx), context.DeadlineExceeded)
}

// TestADiskThatCannotBeRead: a sick sector is asked five times; then the segment is set aside, whole, and the line goes on.
func TestADiskThatCannotBeRead(t *testing.T) {
	f := &faults{}
	sick := atomic.Value{}
	sick.Store("")
	f.onOpen = func(name string, flag int) error {
		if flag == os.O_RDONLY && name == sick.Load() {
			return syscall.EIO
		}
		return nil
	}
	s := openAt(t, t.TempDir(), withFaults(f), func(c *Config, _ *Deps, _ *disk) { c.SegmentBytes = 64 << 10 })
	s.add(t, strings.Repeat("x", 64<<10), "next")
	list := files(t, s.dir, "*.spool")
	require.Len(t, list, 2)
	sick.Store(list[0])
	require.Equal(t, []string{"next"}, s.drainAll(t, &broker{}))
	require.Greater(t, s.metric(t, "quarantined_bytes_total"), 64.0*1024)
	require.NoError(t, s.Close())
	require.Equal(t, []string{list[0] + badSuffix}, files(t, s.dir, "*.bad"))
}
