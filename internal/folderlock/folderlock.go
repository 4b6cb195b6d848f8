// Package folderlock gives a folder to one process at a time.
package folderlock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Take takes the folder for this process. Closing the file gives it back, and so does the kernel at the end of the process,
// whatever end that is.
func Take(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 20)
		n, _ := f.ReadAt(holder, 0) // who it is only makes the sentence nicer
		f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("flock %s: %w", f.Name(), err)
		}
		return nil, fmt.Errorf("the folder %s is in use by another leadstream (process %s): stop that one, or give each its own folder",
			dir, strings.TrimSpace(string(holder[:n])))
	}
	if f.Truncate(0) == nil { // likewise: a full disk must not keep the folder from being taken
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}
