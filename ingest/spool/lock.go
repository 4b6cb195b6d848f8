package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lock takes the folder for this process. The kernel gives it back at the end of the process, whatever end that is.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 20)
		n, _ := f.ReadAt(holder, 0) // who it is only makes the sentence nicer
		f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("spool: flock %s: %w", f.Name(), err)
		}
		return nil, fmt.Errorf("spool: the folder %s is in use by another leadstream (process %s): stop that one, or give each its own folder",
			dir, strings.TrimSpace(string(holder[:n])))
	}
	if f.Truncate(0) == nil { // likewise: a full disk must not keep the spool from opening
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}
