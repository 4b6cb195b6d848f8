package clickhouse

import (
	"context"
	"errors"
)

// Exclusive does work that only one process at a time may do, under the lock of migrations: it waits until it has the lock, and
// the work's context ends when the lock is lost. The work must bear to be done again: the lock keeps order, it is not the safety.
func Exclusive(ctx context.Context, conn Conn, work func(context.Context) error) error {
	held, err := acquire(ctx, conn)
	if err != nil {
		return err
	}
	return errors.Join(work(held.ctx), held.release())
}
