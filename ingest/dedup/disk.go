package dedup

import (
	"io"
	"os"
)

// disk is where faults come from: tests put theirs here, around real files.
type disk struct {
	create func(path string) (io.WriteCloser, error)
	remove func(path string) error
}

func realDisk() disk {
	return disk{
		create: func(path string) (io.WriteCloser, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		},
		remove: os.Remove,
	}
}
