package spool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
)

// batch is what is handed to the broker at once.
type batch struct {
	records []Record
	upTo    uint64 // with this batch acknowledged, all before this is; 0 = nothing waits
}

const (
	batchBytes   = 1 << 20
	batchRecords = 10_000
)

// reader walks the segments. It is Drain's own.
type reader struct {
	spool *Spool
	seg   *segment
	file  file
	at    int64  // offset of the next frame
	seen  uint64 // number of the last good frame in seg, + 1
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close() // was only read
	}
	r.seg, r.file = nil, nil
}

// letGo closes a segment that nothing more will come to: a file that is removed keeps its room on the disk while it is open.
func (r *reader) letGo() {
	if r.seg == nil {
		return
	}
	r.spool.mu.Lock()
	sealed := r.seg.file == nil
	r.spool.mu.Unlock()
	if sealed {
		r.close()
	}
}

// span is what may be read of a segment now.
type span struct {
	seg    *segment
	end    int64
	below  uint64 // no frame in it has this number or a larger one
	sealed bool   // nothing more will come
}

// span finds the segment that the first record at or after from is in.
func (s *Spool) span(from uint64) (span, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, g := range s.segments {
		v := span{seg: g, end: g.end, below: s.durable.Load(), sealed: g.file == nil}
		if i+1 < len(s.segments) {
			v.below = s.segments[i+1].first
		}
		if v.below > from {
			return v, true
		}
	}
	return span{}, false
}

// next reads the records from the number from on, as many as fit a batch.
func (r *reader) next(from uint64) (batch, error) {
	v, ok := r.spool.span(from)
	if !ok {
		r.letGo()
		return batch{}, nil
	}
	if v.seg != r.seg {
		if err := r.open(v.seg); err != nil {
			return batch{}, err
		}
	}
	b := batch{upTo: from}
	for r.at < v.end && len(b.records) == 0 {
		chunk, err := r.chunk(v)
		if err != nil {
			return batch{}, err
		}
		r.parse(chunk, v, from, &b)
	}
	if r.at >= v.end { // numbers of frames that were never acknowledged are passed over
		b.upTo = v.below
	}
	return b, nil
}

func (r *reader) open(g *segment) error {
	r.close()
	f, err := r.spool.disk.openFile(g.path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	r.seg, r.file, r.at, r.seen = g, f, min(headerSize, g.end), g.first
	return nil
}

// chunk reads at least one whole frame, unless what is there is none. The bytes are fresh: records point into them.
func (r *reader) chunk(v span) ([]byte, error) {
	b, err := r.read(r.at, min(v.end-r.at, batchBytes))
	if err != nil {
		return nil, err
	}
	if _, err := parse(b, r.seg.seed); errors.Is(err, errShort) && r.at+int64(len(b)) < v.end {
		return r.read(r.at, min(v.end-r.at, frameHead+maxBody))
	}
	return b, nil
}

func (r *reader) read(at, n int64) ([]byte, error) {
	b := make([]byte, n)
	if _, err := r.file.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s at %d: %w", r.seg.path, at, err)
	}
	return b, nil
}

// parse takes the good frames of chunk into b and steps over what is none.
func (r *reader) parse(chunk []byte, v span, from uint64, b *batch) {
	for len(chunk) > 0 && len(b.records) < batchRecords {
		f, err := parse(chunk, r.seg.seed)
		if err == nil && (f.seq < r.seen || f.seq >= v.below) {
			err = errBroken // a whole frame in the wrong place
		}
		whole := r.at+int64(len(chunk)) >= v.end
		if errors.Is(err, errShort) && !whole && len(chunk) < frameHead+maxBody {
			return // the next chunk begins with it
		}
		if err != nil {
			r.stepOver(v, err)
			return
		}
		if f.seq >= from {
			b.records = append(b.records, f.record)
			b.upTo = f.seq + 1
		}
		r.seen = f.seq + 1
		r.at += int64(f.size)
		chunk = chunk[f.size:]
	}
}

// stepOver finds the next good frame behind damage. The file will be kept as *.bad: nothing is lost silently.
func (r *reader) stepOver(v span, why error) {
	to := v.end
	if rest, err := r.read(r.at+1, v.end-r.at-1); err == nil {
		to = r.at + 1 + int64(resync(rest, r.seg.seed, r.seen, v.below))
	}
	r.spool.setAside(r.seg, r.at, to, why)
	r.at = to
}

// setAside counts damage, once.
func (s *Spool) setAside(g *segment, from, to int64, why error) {
	s.mu.Lock()
	known := g.faulty
	g.faulty = max(g.faulty, to)
	s.mu.Unlock()
	if to <= known {
		return
	}
	from = max(from, known)
	s.metrics.quarantined.Add(float64(to - from))
	s.log.Error("a part of a spool segment cannot be read; the file is kept as *.bad once the rest is drained",
		zap.String("segment", g.path), zap.Int64("from", from), zap.Int64("to", to), zap.Error(why))
}

// giveUp passes over what is left of a segment that the disk does not let us read.
func (r *reader) giveUp(from uint64, why error) uint64 {
	v, ok := r.spool.span(from)
	if !ok || !v.sealed {
		return from
	}
	at := int64(headerSize)
	if r.seg == v.seg {
		at = max(at, r.at)
	}
	r.spool.setAside(v.seg, at, v.end, why)
	r.close()
	return v.below
}
