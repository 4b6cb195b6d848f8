package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
)

// Recovery is what a start found.
type Recovery struct {
	Clean    bool   // the last process closed the spool, and the machine has not restarted since
	Waiting  bool   // records wait for the broker
	Replayed uint64 // numbers of records that are drained once more
	Torn     int64  // bytes of an unfinished end that were cut
}

// recover makes sense of the folder: every segment's end, where to go on numbering, from where to drain. What it finds is
// sealed; the next record begins a new segment, so that nothing is ever written behind bytes of unknown fate.
func (s *Spool) recover() error {
	at, known, err := s.position.load()
	if err != nil {
		return err
	}
	if s.segments, err = listSegments(s.dir); err != nil {
		return err
	}
	for _, g := range s.segments {
		if err := s.checkHeader(g); err != nil {
			return err
		}
	}
	s.next = max(at.drained, 1)
	if n := len(s.segments); n > 0 {
		last := s.segments[n-1]
		s.next = max(s.next, last.first+1, s.cutTail(last))
	}
	s.durable.Store(s.next)
	s.begin(at, known)
	s.removeBad()
	// Before anything is handed over: a crash from here on is an unclean stop.
	if err := s.save(false); err != nil && at.clean {
		return err
	}
	s.remove(s.settled())
	s.peek()
	return nil
}

// begin decides from where to drain.
func (s *Spool) begin(at place, known bool) {
	if s.cfg.KeepFor == 0 {
		at.settled = at.drained
	}
	at.settled = min(at.settled, at.drained)
	s.report.Clean = known && at.clean && at.boot == s.boot
	from := at.drained
	if !s.report.Clean && at.settled < at.drained {
		from = at.settled
		s.report.Replayed = at.drained - at.settled
		s.metrics.replayed.Inc()
		s.log.Warn("the last stop was not a clean one: what was handed to the broker shortly before is handed over again",
			zap.Uint64("records", s.report.Replayed))
	}
	if !known && len(s.segments) > 0 {
		s.log.Warn("the spool's position is unknown: all that is in it is handed to the broker", zap.String("dir", s.dir))
	}
	if len(s.segments) == 0 {
		from = s.durable.Load()
	}
	s.saved = place{drained: at.drained, settled: at.settled, clean: at.clean, boot: at.boot}
	s.drained.Store(from)
}

// peek asks how old the oldest record is, for the age bound and its metric.
func (s *Spool) peek() {
	r := reader{spool: s}
	defer r.close()
	for s.Pending() {
		b, err := r.next(s.drained.Load())
		if err != nil {
			s.log.Warn("the oldest segment of the spool cannot be read yet", zap.Error(err))
			break
		}
		if len(b.records) > 0 {
			s.oldest = b.records[0].ReceivedAt.UnixMilli()
			break
		}
		if b.upTo <= s.drained.Load() {
			break
		}
		s.drained.Store(b.upTo)
	}
	s.report.Waiting = s.Pending()
}

// checkHeader refuses a newer format. A header that is broken is counted and done without: the salt stands in the name too.
func (s *Spool) checkHeader(g *segment) error {
	b, err := s.readAll(g, headerSize)
	if err != nil {
		s.log.Error("a spool segment cannot be read", zap.Error(err))
		return nil // Drain tries again, and sets it aside
	}
	whole, err := readHeader(b)
	if err != nil {
		return fmt.Errorf("spool: %s %w", g.path, err)
	}
	if !whole && g.end >= headerSize {
		s.setAside(g, 0, headerSize, errors.New("the header is broken"))
	}
	return nil
}

func (s *Spool) readAll(g *segment, most int64) ([]byte, error) {
	f, err := s.disk.openFile(g.path, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	defer f.Close()
	b := make([]byte, min(g.end, most))
	if n, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("spool: %s: %w", g.path, err)
	} else if n < len(b) {
		b = b[:n]
	}
	return b, nil
}

// cutTail cuts what a crash left unfinished at the end of the last segment, and returns the number behind its last good frame.
// Damage that good frames follow is not its business: the reader steps over that.
func (s *Spool) cutTail(g *segment) (next uint64) {
	b, err := s.readAll(g, g.end)
	if err != nil {
		s.log.Error("the last spool segment cannot be read", zap.Error(err))
		return g.first + 1 + uint64(g.end)/(frameHead+bodyHead) // no more can be in it
	}
	const noBound = ^uint64(0)
	at, next := min(headerSize, len(b)), g.first
	for at < len(b) {
		f, err := parse(b[at:], g.seed)
		if err == nil && f.seq >= next {
			at, next = at+f.size, f.seq+1
			continue
		}
		skip := resync(b[at+1:], g.seed, next, noBound)
		if at+1+skip >= len(b) {
			break
		}
		at += 1 + skip
	}
	if at == len(b) && len(b) >= headerSize {
		return next
	}
	if len(b) < headerSize {
		at = 0
	}
	s.cut(g, b[at:], int64(at))
	return next
}

// cut saves the tail in a file of its own, unless there is nothing in it, then takes it off the segment: what looks unfinished
// can be a finished record whose length the disk has changed.
func (s *Spool) cut(g *segment, tail []byte, at int64) {
	s.metrics.torn.Inc()
	s.report.Torn = int64(len(tail))
	var err error
	if at >= headerSize && len(bytes.Trim(tail, "\x00")) > 0 {
		s.metrics.quarantined.Add(float64(len(tail)))
		err = s.keepTail(g, tail)
	}
	if err == nil {
		err = s.truncate(g, at)
	}
	if err != nil { // a full disk, say: the bytes stay where they are, and the whole file is kept when it is drained
		s.log.Warn("the unfinished end of a spool segment stays in it", zap.String("segment", g.path), zap.Error(err))
		g.faulty = g.end
	} else {
		s.log.Info("cut the unfinished end of a spool segment; no record in it was acknowledged, unless the disk has damaged it",
			zap.String("segment", g.path), zap.Int64("at", at), zap.Int("bytes", len(tail)))
	}
	g.end = at
}

func (s *Spool) keepTail(g *segment, tail []byte) error {
	f, err := s.disk.openFile(g.path+".tail"+badSuffix, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(tail, 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (s *Spool) truncate(g *segment, at int64) error {
	f, err := s.disk.openFile(g.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(at)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
