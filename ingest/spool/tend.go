package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"
)

// tendDue tells when there is something to tend; 0 = never.
func (s *Spool) tendDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.saved.drained != s.drained.Load():
		return tendEvery // a position to save
	case len(s.segments) > 0 || s.saved.settled != s.saved.drained:
		return time.Second // files to remove some day
	}
	return 0
}

// tend saves the position and removes the segments that nobody needs any more. Draining holds.
func (s *Spool) tend() {
	if err := s.save(false); err != nil && s.now().Sub(s.savedAt) > time.Minute {
		// Going on is safe: after a crash more would be handed over again, never less.
		s.savedAt = s.now()
		s.log.Warn("the spool's position cannot be saved", zap.Error(err))
	}
	s.remove(s.settled())
}

// save writes the place if it has changed.
func (s *Spool) save(clean bool) error {
	now, drained := s.now(), s.drained.Load()
	s.history.note(now, drained)
	at := place{drained: drained, settled: s.history.settled(now, drained, s.saved.settled), clean: clean, boot: s.boot}
	if at == s.saved {
		return nil
	}
	if err := s.position.save(at); err != nil {
		return err
	}
	s.mu.Lock()
	s.saved = at
	s.mu.Unlock()
	s.savedAt = now
	return nil
}

// settled takes out the segments that are done with; one that is still being written only when it is old and nobody is at it.
func (s *Spool) settled() []*segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.saved.settled
	if s.active != nil && to >= s.durable.Load() && s.writing == 0 && s.group.records == 0 && s.now().Sub(s.active.born) >= s.cfg.SegmentAge {
		s.seal()
	}
	n := 0
	for n < len(s.segments) && s.segments[n].file == nil && to >= s.below(n) {
		n++
	}
	done := s.segments[:n]
	s.segments = s.segments[n:]
	return done
}

// below is the number that no frame of a segment reaches.
func (s *Spool) below(i int) uint64 {
	if i+1 < len(s.segments) {
		return s.segments[i+1].first
	}
	return s.durable.Load()
}

// remove deletes drained segments, or sets them aside when there is damage in them.
func (s *Spool) remove(done []*segment) {
	if len(done) == 0 {
		return
	}
	var errs []error
	for _, g := range done {
		if g.faulty > 0 {
			errs = append(errs, os.Rename(g.path, g.path+badSuffix))
		} else {
			errs = append(errs, os.Remove(g.path))
		}
	}
	errs = append(errs, s.disk.syncDir(s.dir))
	if err := errors.Join(errs...); err != nil { // the next start finds them drained, and tries again
		s.log.Warn("a drained spool segment cannot be removed", zap.Error(err))
	}
	s.removeBad()
}

// removeBad ends what was set aside long ago: it holds people's events, and nobody came for it.
func (s *Spool) removeBad() {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return // remove has told of a folder that is gone
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasSuffix(e.Name(), badSuffix) && s.now().Sub(info.ModTime()) > s.cfg.KeepBad {
			if os.Remove(filepath.Join(s.dir, e.Name())) == nil {
				s.log.Info("removed what was set aside long ago", zap.String("file", e.Name()), zap.Duration("keep_bad", s.cfg.KeepBad))
			}
		}
	}
}
