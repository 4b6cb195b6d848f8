package geo

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// watched is a file of any content.
type watched interface {
	name() string
	changed() bool
	read() error
	version() string
	builtAt() float64
}

// file is one file of the config and what was last read of it. It is read whole, never mapped: a file that is overwritten in place
// would end the process.
type file[T any] struct {
	key, path string
	parse     func([]byte, time.Time) (T, time.Time, string, error)

	seen    stamp // at the last attempt; used by one goroutine
	content atomic.Pointer[content[T]]
}

type content[T any] struct {
	value   T
	built   time.Time
	version string
}

// stamp tells one state of a file from the next.
type stamp struct {
	modified time.Time
	size     int64
}

func (f *file[T]) name() string {
	if f.path == "" {
		return ""
	}
	return f.key
}

// now is what is in use; the zero value for a file that is not configured.
func (f *file[T]) now() (value T) {
	if c := f.content.Load(); c != nil {
		return c.value
	}
	return value
}

func (f *file[T]) version() string  { return f.content.Load().version }
func (f *file[T]) builtAt() float64 { return float64(f.content.Load().built.Unix()) }

func (f *file[T]) changed() bool {
	info, err := os.Stat(f.path)
	if err != nil {
		return f.seen != stamp{} // it is gone: reading says so, once
	}
	return f.seen != stamp{info.ModTime(), info.Size()}
}

func (f *file[T]) read() error {
	f.seen = stamp{}
	info, err := os.Stat(f.path)
	if err == nil {
		f.seen = stamp{info.ModTime(), info.Size()} // before the bytes: a change while they are read is seen next time
		var text []byte
		if text, err = os.ReadFile(f.path); err == nil {
			var c content[T]
			if c.value, c.built, c.version, err = f.parse(text, info.ModTime()); err == nil {
				f.content.Store(&c)
				return nil
			}
			err = fmt.Errorf("%s: %w", f.path, err)
		}
	}
	return fmt.Errorf("ingest.geoip.%s: %w (name a file that this process may read, or leave the key out)", f.key, err)
}
