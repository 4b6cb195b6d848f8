package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The lock of migrations. ClickHouse has no advisory lock, but creating a table is atomic: of
// several CREATE TABLE without IF NOT EXISTS one succeeds. The lock is such a table, named by a
// generation: schema_migrations_lock_7.
//
// A holder that was killed leaves its table. It is stale when its holder has not touched it for
// leaseTime by the *server's* clock, the only one all processes share. A stale generation N is not
// dropped and made again (two thieves could each drop the other's) but followed by N+1, which again
// only one can create. Who has created a generation looks once more, and gives way to a higher one.
//
// A holder that sleeps through its lease (SIGSTOP, a suspended laptop) can overlap its successor.
// That is why statements must be repeatable as well; the lock keeps order, it is not the safety.
const (
	lockPrefix = "schema_migrations_lock_"
	leaseTime  = 60 * time.Second
	beatEvery  = 10 * time.Second
	askEvery   = 100 * time.Millisecond
)

// lease is a held lock. Its ctx ends when the lock is lost.
type lease struct {
	ctx     context.Context
	conn    Conn
	table   string
	stop    context.CancelCauseFunc
	beating chan struct{} // closed when no more beats come
}

// newest is the highest generation in the database and how long its holder has been silent.
type newest struct {
	generation uint64 // 0: none
	silent     time.Duration
}

// acquire waits for the lock as long as ctx allows.
func acquire(ctx context.Context, conn Conn) (*lease, error) {
	for waited := false; ; waited = true {
		held, err := tryAcquire(ctx, conn)
		if waited && err != nil && ctx.Err() != nil { // the end fell into a question, not between two
			return nil, stillHeld(ctx)
		}
		if held != nil || err != nil {
			return held, err
		}
		select {
		case <-ctx.Done():
			return nil, stillHeld(ctx)
		case <-time.After(askEvery):
		}
	}
}

func stillHeld(ctx context.Context) error {
	return fmt.Errorf("clickhouse: waiting for another process that migrates: %w", ctx.Err())
}

// tryAcquire returns nothing when another process has the lock.
func tryAcquire(ctx context.Context, conn Conn) (*lease, error) {
	return takeAfter(ctx, conn, leaseTime)
}

// takeAfter takes the lock when nobody holds it, or its holder has been silent for so long.
func takeAfter(ctx context.Context, conn Conn, silence time.Duration) (*lease, error) {
	top, err := readNewest(ctx, conn)
	if err != nil {
		return nil, err
	}
	if top.generation > 0 && top.silent < silence {
		return nil, nil
	}
	mine := top.generation + 1
	table := fmt.Sprint(lockPrefix, mine)
	err = conn.Exec(ctx, "CREATE TABLE "+table+" (nothing UInt8) ENGINE = Memory COMMENT 'held by a running leadstream migrate'")
	if code(err) == codeTableExists {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("clickhouse: lock migrations: %w", err)
	}
	again, err := readNewest(ctx, conn)
	if err != nil || again.generation != mine {
		return nil, errors.Join(err, drop(ctx, conn, table))
	}
	if top.generation > 0 {
		if err := drop(ctx, conn, fmt.Sprint(lockPrefix, top.generation)); err != nil {
			return nil, errors.Join(err, drop(ctx, conn, table))
		}
	}
	return startBeating(ctx, conn, table), nil
}

// readNewest asks the server, with the server's clock.
func readNewest(ctx context.Context, conn Conn) (newest, error) {
	var top newest
	var silent int64
	err := conn.QueryRow(ctx, `
SELECT max(generation), toInt64(dateDiff('second', argMax(metadata_modification_time, generation), now()))
FROM (SELECT toUInt64OrZero(substring(name, length(?) + 1)) AS generation, metadata_modification_time
      FROM system.tables WHERE database = currentDatabase() AND startsWith(name, ?))`, lockPrefix, lockPrefix).
		Scan(&top.generation, &silent)
	if err != nil {
		return top, fmt.Errorf("clickhouse: read the lock of migrations: %w", err)
	}
	top.silent = time.Duration(silent) * time.Second
	return top, nil
}

// startBeating touches the lock until it is released, so that a long migration is not taken for a dead one.
func startBeating(ctx context.Context, conn Conn, table string) *lease {
	ctx, stop := context.WithCancelCause(ctx)
	held := &lease{ctx: ctx, conn: conn, table: table, stop: stop, beating: make(chan struct{})}
	go func() {
		defer close(held.beating)
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				// A missed beat is no matter: the lease is six of them. A lost lock ends ctx.
				_ = held.beat(ctx, now)
			}
		}
	}()
	return held
}

// beat touches the lock's table, and ends the lease's context when another process has replaced it.
func (l *lease) beat(ctx context.Context, now time.Time) error {
	// The text differs each time: an ALTER that changes nothing would not be written.
	err := l.conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s MODIFY COMMENT 'held by a running leadstream migrate, seen %d'", l.table, now.Unix()))
	if code(err) == codeUnknownTable {
		l.stop(errors.New("clickhouse: another process took the lock of migrations over; run `leadstream migrate` again"))
	}
	return err
}

// release gives the lock free, also when the caller's context has ended meanwhile.
func (l *lease) release() error {
	l.stop(nil)
	<-l.beating
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), 10*time.Second)
	defer cancel()
	return drop(ctx, l.conn, l.table)
}

func drop(ctx context.Context, conn Conn, table string) error {
	if err := conn.Exec(ctx, "DROP TABLE IF EXISTS "+table+" SYNC"); err != nil {
		return fmt.Errorf("clickhouse: drop %s: %w", table, err)
	}
	return nil
}
