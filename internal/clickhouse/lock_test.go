package clickhouse

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
)

func TestLockIsHeldByOne(t *testing.T) {
	conn, _ := openFresh(t)
	first, err := acquire(t.Context(), conn)
	require.NoError(t, err)
	second, err := tryAcquire(t.Context(), conn)
	require.NoError(t, err)
	require.Nil(t, second)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waiting := &asking{Conn: conn}
	ended := make(chan error, 1)
	go func() {
		_, err := acquire(ctx, waiting)
		ended <- err
	}()
	require.Eventually(t, func() bool { return waiting.asked.Load() >= 3 }, time.Minute, time.Millisecond)
	cancel() // in the middle of a question, or between two
	err = <-ended
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "waiting for another process that migrates")

	require.NoError(t, first.release())
	third, err := tryAcquire(t.Context(), conn)
	require.NoError(t, err)
	require.NotNil(t, third)
	require.NoError(t, third.release())
	require.Zero(t, value[uint64](t, conn, countTables))
}

// asking counts what is asked over a connection.
type asking struct {
	Conn
	asked atomic.Int32
}

func (a *asking) QueryRow(ctx context.Context, query string, args ...any) driver.Row {
	a.asked.Add(1)
	return a.Conn.QueryRow(ctx, query, args...)
}

// A beat is what tells a long migration from a dead one, so it has to move the clock that others read.
func TestATouchedLockIsYoung(t *testing.T) {
	conn, _ := openFresh(t)
	held, err := acquire(t.Context(), conn)
	require.NoError(t, err)
	defer func() { require.NoError(t, held.release()) }()
	require.Eventually(t, func() bool {
		top, err := readNewest(t.Context(), conn)
		return err == nil && top.silent >= 2*time.Second
	}, time.Minute, 100*time.Millisecond, "the lock ages")
	// On a loaded machine two seconds can pass between a beat and the question after it.
	require.Eventually(t, func() bool {
		beaten := held.beat(t.Context(), time.Now())
		top, err := readNewest(t.Context(), conn)
		return beaten == nil && err == nil && top.silent < 2*time.Second && top.generation == 1
	}, time.Minute, 10*time.Millisecond, "a beat makes it young")
}

func TestAStaleLockIsFollowedByTheNextGeneration(t *testing.T) {
	conn, _ := openFresh(t)
	dead, err := acquire(t.Context(), conn)
	require.NoError(t, err)
	heirs := make(chan *lease, 4)
	for range cap(heirs) {
		go func() {
			heir, err := takeAfter(t.Context(), conn, 0) // any silence is long enough
			noError(t, err)
			heirs <- heir
		}()
	}
	var held []*lease
	for range cap(heirs) {
		if heir := <-heirs; heir != nil {
			held = append(held, heir)
		}
	}
	// With a lease of zero heirs may follow one another, yet each generation has one owner.
	seen := map[string]bool{}
	for _, heir := range held {
		require.False(t, seen[heir.table], heir.table)
		require.NotEqual(t, dead.table, heir.table)
		seen[heir.table] = true
	}
	require.NotEmpty(t, held)
	require.Error(t, dead.beat(t.Context(), time.Now()), "the dead one's table is gone")
	for _, heir := range append(held, dead) {
		require.NoError(t, heir.release())
	}
}

func TestALostLockEndsItsHoldersContext(t *testing.T) {
	conn, _ := openFresh(t)
	held, err := acquire(t.Context(), conn)
	require.NoError(t, err)
	require.NoError(t, drop(t.Context(), conn, held.table))
	require.Error(t, held.beat(t.Context(), time.Now()))
	require.ErrorContains(t, context.Cause(held.ctx), "another process took the lock of migrations over")
	require.NoError(t, held.release())
}
