package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// errHeld says that another process has the lock.
var errHeld = errors.New("held by another process")

// tryLock takes an exclusive flock on path. The kernel gives it back when the last process that
// has the file open is gone, so a kill -9 leaves no stale lock; a child that inherits the file
// keeps the lock until it is gone too.
func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errHeld
		}
		return nil, fmt.Errorf("flock %s: %w", path, err)
	}
	return file, nil
}

// waitLock tries again until the lock is free or patience ends; zero patience is one try.
func waitLock(ctx context.Context, path string, patience time.Duration) (*os.File, error) {
	deadline := time.Now().Add(patience)
	for {
		file, err := tryLock(path)
		if !errors.Is(err, errHeld) || time.Now().After(deadline) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lockDataDir makes dir and takes it for this process. Patience covers the moment between a
// parent's death by kill -9 and its child's.
func lockDataDir(ctx context.Context, dir, flag string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded: data folder: %w", err)
	}
	file, err := waitLock(ctx, dir+"/LOCK", 2*time.Second)
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("embedded: the data folder %s is in use by another leadstream; stop that one, or choose another folder with %s", dir, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded: data folder: %w", err)
	}
	return file, nil
}

// LockCache takes the lock at path, a file in the cache folder, while what is fetched into it. It
// waits as long as ctx allows, and says once that it waits.
func LockCache(ctx context.Context, path, what string, progress io.Writer) (unlock func(), err error) {
	file, err := tryLock(path)
	if errors.Is(err, errHeld) {
		fmt.Fprintf(progress, "%s: another process is fetching it; waiting for that\n", what)
		const forever = 365 * 24 * time.Hour
		file, err = waitLock(ctx, path, forever)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded: cache folder: %w", err)
	}
	return func() { file.Close() }, nil
}

// InUse tells whether a running process, or its child, holds the data folder.
func InUse(dir string) bool {
	file, err := tryLock(dir + "/LOCK")
	if err == nil {
		file.Close()
	}
	return errors.Is(err, errHeld)
}
