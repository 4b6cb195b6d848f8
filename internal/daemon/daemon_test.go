package daemon

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// diary notes what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// read returns what was noted so far.
func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// part drains for as long as told, then returns err.
func (d *diary) part(name string, drain time.Duration, err error) Part {
	return Part{Name: name, Run: func(ctx context.Context) error {
		d.note("start " + name)
		<-ctx.Done()
		d.note("stop " + name)
		time.Sleep(drain)
		d.note("end " + name)
		return err
	}}
}

const grace = 10 * time.Second

func TestPartsStopInTheOrderOfThePathEachDrainedBeforeTheNextIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		signals := make(chan os.Signal, 2)
		done := make(chan error, 1)
		go func() {
			done <- run(t.Context(), zap.NewNop(), grace, signals,
				[]Part{d.part("take", 3*time.Second, nil), d.part("fold", 2*time.Second, context.Canceled), d.part("broker", 0, nil)})
		}()
		synctest.Wait()
		require.ElementsMatch(t, []string{"start take", "start fold", "start broker"}, d.read())
		began := time.Now()
		signals <- syscall.SIGTERM
		require.NoError(t, <-done)
		require.Equal(t, []string{"stop take", "end take", "stop fold", "end fold", "stop broker", "end broker"}, d.read()[3:])
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

func TestTheEndOfTheContextStopsInOrderToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- run(ctx, zap.NewNop(), grace, nil, []Part{d.part("take", time.Second, nil), d.part("fold", 0, nil)})
		}()
		synctest.Wait()
		cancel()
		require.NoError(t, <-done)
		require.Equal(t, []string{"stop take", "end take", "stop fold", "end fold"}, d.read()[2:])
	})
}

func TestAPartThatEndsByItselfStopsTheRestAndIsNamedFirst(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("disk full"), "fold: disk full\ntake: late"},
		{nil, "fold: ended although nothing asked it to\ntake: late"},
		{context.Canceled, "fold: context canceled\ntake: late"}, // nobody had cancelled: it is an error
	} {
		synctest.Test(t, func(t *testing.T) {
			var d diary
			fold := Part{Name: "fold", Run: func(context.Context) error { time.Sleep(time.Minute); return c.err }}
			err := run(t.Context(), zap.NewNop(), grace, nil, []Part{d.part("take", time.Second, errors.New("late")), fold, d.part("broker", 0, nil)})
			require.EqualError(t, err, c.want)
			require.Equal(t, []string{"stop take", "end take", "stop broker", "end broker"}, d.read()[2:])
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
			}
		})
	}
}

func TestAPartThatDoesNotDrainIsLeftBehindAfterItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		signals := make(chan os.Signal, 2)
		signals <- syscall.SIGINT
		began := time.Now()
		err := run(t.Context(), zap.NewNop(), grace, signals, []Part{d.part("stuck", time.Hour, nil), d.part("fold", 0, nil)})
		require.EqualError(t, err, "stuck: not drained after 10s; left behind")
		require.Equal(t, grace, time.Since(began))
		require.Contains(t, d.read(), "end fold")
		time.Sleep(2 * time.Hour) // let the one left behind end, as the bubble demands
	})
}

func TestASecondSignalForces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		signals := make(chan os.Signal, 2)
		done := make(chan error, 1)
		go func() {
			done <- run(t.Context(), zap.NewNop(), grace, signals, []Part{d.part("stuck", time.Hour, nil), d.part("fold", 0, nil)})
		}()
		signals <- os.Interrupt
		synctest.Wait()
		began := time.Now()
		signals <- os.Interrupt
		err := <-done
		require.ErrorIs(t, err, ErrForced)
		require.EqualError(t, err, "stuck: forced to stop before everything was drained")
		require.Zero(t, time.Since(began))
		time.Sleep(2 * time.Hour)
	})
}

func TestEveryErrorOfTheStopIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGTERM
		err := run(t.Context(), zap.NewNop(), grace, signals, []Part{d.part("a", 0, errors.New("one")), d.part("b", 0, nil), d.part("c", 0, errors.New("two"))})
		require.EqualError(t, err, "a: one\nc: two")
	})
}

func TestNoPartsIsNothingToWaitFor(t *testing.T) {
	require.NoError(t, Run(t.Context(), zap.NewNop(), grace))
}
