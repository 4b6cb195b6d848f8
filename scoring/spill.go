package scoring

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"leadstream/scoring/model"
)

// spill is where chunks go whose leads have faded: a file of a partition's own,
// without a name, that lives as long as this process has the partition. Only the
// index keeps such a lead in memory, some 10 bytes; its row is read from the file,
// bit for bit, when the lead comes back. Nothing is restored from here: snapshots
// hold these leads like all others.
type spill struct {
	dir  string // "" = everything stays in memory
	file *os.File
	end  int64   // of the file
	free []int64 // places in it of chunks that are gone
	// kept are places that a snapshot, which is being written, may still read.
	kept []int64
}

// write puts a chunk into the file.
func (s *spill) write(b []byte) (at int64, err error) {
	if s.file == nil {
		if err := os.MkdirAll(s.dir, 0o750); err != nil {
			return 0, err
		}
		f, err := os.CreateTemp(s.dir, "faded-*.rows")
		if err != nil {
			return 0, err
		}
		if err := os.Remove(f.Name()); err != nil { // its bytes go with the process, however that ends
			f.Close()
			return 0, fmt.Errorf("%s: %w", filepath.Base(f.Name()), err)
		}
		s.file = f
	}
	at = s.end
	n := len(s.free)
	if n > 0 {
		at = s.free[n-1]
	}
	if _, err := s.file.WriteAt(b, at); err != nil {
		return 0, err
	}
	if n > 0 {
		s.free = s.free[:n-1]
	} else {
		s.end += chunkSize
	}
	return at, nil
}

// reuse lets places be written over whose snapshot has been written.
func (s *spill) reuse() {
	s.free, s.kept = append(s.free, s.kept...), s.kept[:0]
}

// content is all rows of a chunk.
func (c *chunk) content() ([]byte, error) {
	if c.b != nil {
		return c.b, nil
	}
	b := make([]byte, c.size)
	if _, err := c.file.ReadAt(b, c.place); err != nil {
		return nil, fmt.Errorf("scoring: faded leads cannot be read back: %w", err)
	}
	return b, nil
}

// row reads one of its rows. A chunk in the file gives fresh memory each time.
func (c *chunk) row(offset int) (b []byte, err error) {
	if c.b != nil {
		return c.b[offset:], nil
	}
	b = make([]byte, min(512, c.size-offset))
	if _, err := c.file.ReadAt(b, c.place+int64(offset)); err != nil {
		return nil, fmt.Errorf("scoring: a faded lead cannot be read back: %w", err)
	}
	if _, size := rowSize(b); size > len(b) {
		b = make([]byte, size)
		if _, err := c.file.ReadAt(b, c.place+int64(offset)); err != nil {
			return nil, fmt.Errorf("scoring: a faded lead cannot be read back: %w", err)
		}
	}
	return b, nil
}

// fade puts a row among the faded, and writes them out when a chunk of them is full.
func (a *arena) fade(r row) error {
	var err error
	if a.fading >= 0 && len(a.chunks[a.fading].b)+len(r.packed)+maxRowHead > chunkSize {
		c := a.chunks[a.fading]
		if c.place, err = a.spill.write(c.b); err == nil {
			c.size, c.file, c.b = len(c.b), a.spill.file, nil
			a.bytes, a.dead = a.bytes-int64(c.size), a.dead-int64(c.dead)
			a.out.bytes, a.out.dead, a.out.leads = a.out.bytes+int64(c.size), a.out.dead+int64(c.dead), a.out.leads+c.rows
		}
		a.fading = -1 // if the disk refused, these stay in memory
	}
	a.append(&a.fading, r)
	return err
}

// mayFade tells whether a lead may leave memory: it has faded to less than so many
// points, has no timer, and is not large.
func mayFade(m *model.Model, l *model.Lead, r row, watermark int64, below float64) bool {
	return below > 0 && r.due == 0 && len(r.packed) < chunkSize/8 && math.Abs(m.Score(l, max(watermark, l.Clock()))) < below
}
