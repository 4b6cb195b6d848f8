package spool

import (
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
)

// commitLoop writes group after group until Close, and the last one after it.
func (s *Spool) commitLoop() {
	defer close(s.committed)
	var spare []byte
	for {
		g := s.take(spare)
		if g == nil {
			return
		}
		g.err = s.commit(g)
		s.mu.Lock()
		s.writing = 0
		s.mu.Unlock()
		s.waiting.Add(int64(-g.records))
		if g.err == nil {
			s.metrics.appends.Add(float64(g.records))
			select {
			case s.more <- struct{}{}:
			default:
			}
		}
		s.tellEmptied() // Drain may have been faster than this
		close(g.done)
		if spare = g.buf; cap(spare) > 2*maxGroup {
			spare = nil
		}
	}
}

// take waits for a group with something in it, and lets the next one gather.
func (s *Spool) take(spare []byte) *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.group.records == 0 {
		if s.closed {
			return nil
		}
		s.work.Wait()
	}
	g := s.group
	s.group = newGroup(spare)
	s.writing = int64(len(g.buf))
	close(s.room)
	s.room = make(chan struct{})
	return g
}

// commit makes a group durable. A full disk is told at once, and tried again with the next group; any other fault costs the
// segment, and the group gets one more chance in a new one.
func (s *Spool) commit(g *group) error {
	var err error
	for range 2 {
		if err = s.write(g); err == nil {
			return nil
		}
		if noSpace(err) {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
	}
	return fmt.Errorf("spool: %s: %w", s.dir, err)
}

// write is one attempt. In this order: 1. the frames, 2. their sync, 3. for a new segment its folder's, 4. readers may see them.
func (s *Spool) write(g *group) error {
	to, fresh, err := s.segmentFor(int64(len(g.buf)))
	if err != nil {
		return err
	}
	stamp(g.buf, s.next, to.seed)
	s.next += uint64(g.records) // also when it fails: a number is never used twice
	if _, err := to.file.WriteAt(g.buf, to.end); err != nil {
		// A full disk leaves the segment usable if what did get written can be taken back.
		if fresh || !noSpace(err) || to.file.Truncate(to.end) != nil {
			s.abandon(to, fresh, err)
		}
		return err
	}
	began := time.Now()
	err = to.file.Sync()
	s.metrics.fsyncSeconds.Observe(time.Since(began).Seconds())
	if err == nil && fresh {
		err = s.disk.syncDir(s.dir)
	}
	if err != nil {
		s.abandon(to, fresh, err)
		return err
	}
	s.publish(g, to, fresh)
	return nil
}

// segmentFor gives the segment to write to, a fresh one if the last has got large or old.
func (s *Spool) segmentFor(size int64) (to *segment, fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.active; a != nil && (a.end+size > int64(s.cfg.SegmentBytes) || s.now().Sub(a.born) >= s.cfg.SegmentAge) {
		s.seal()
	}
	if s.active != nil {
		return s.active, false, nil
	}
	// The number is used up even if no file comes of it: two files with one number could not be told apart after a crash.
	first := s.next
	s.next++
	to, err = s.createSegment(first, suffix)
	return to, true, err
}

func (s *Spool) publish(g *group, to *segment, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drained.Load() >= s.durable.Load() { // nothing else waits
		s.oldest = g.oldest
	}
	to.end += int64(len(g.buf))
	if fresh {
		s.active = to
		s.segments = append(s.segments, to)
	}
	s.durable.Store(s.next)
}

// abandon gives a segment up where its last good sync ended: after a failed one nobody knows what the disk holds. What was
// synced before stays, and is read; the rest is cut if the disk lets us, and was acknowledged to nobody.
func (s *Spool) abandon(g *segment, fresh bool, why error) {
	s.metrics.abandoned.Inc()
	s.log.Warn("the disk failed the spool; the segment is given up and a new one begun", zap.String("segment", g.path), zap.Error(why))
	s.mu.Lock()
	defer s.mu.Unlock()
	if fresh {
		_ = errors.Join(g.file.Close(), os.Remove(g.path)) // if it stays, the next start finds records that nobody was promised
		return
	}
	_ = g.file.Truncate(g.end)
	s.seal()
}

// seal ends the segment that is being written; all of it is synced.
func (s *Spool) seal() {
	if s.active == nil {
		return
	}
	_ = s.active.file.Close() // reports nothing that the syncs have not
	s.active.file, s.active = nil, nil
}
