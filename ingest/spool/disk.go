package spool

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// file is what the spool needs of an open file.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// disk is where faults come from: tests put theirs here, around real files.
type disk struct {
	openFile func(name string, flag int, perm fs.FileMode) (file, error)
	syncDir  func(dir string) error
}

func realDisk() disk {
	return disk{
		openFile: func(name string, flag int, perm fs.FileMode) (file, error) { return os.OpenFile(name, flag, perm) },
		syncDir:  syncDir,
	}
}

// syncDir makes the names of a folder as durable as the files' content: a file that was created and synced can still be gone
// after a power cut if its folder was not.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// noSpace tells a full disk, or quota, from a broken one.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
