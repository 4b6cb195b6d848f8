package spool

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// group is the records that are written and synced together, of all callers that came while the group before was.
type group struct {
	buf     []byte
	records int
	oldest  int64 // received_at in ms of its first record
	done    chan struct{}
	err     error // valid once done is closed
}

// maxGroup bounds the memory that callers fill while the disk is slow; the next ones wait outside.
const maxGroup = 8 << 20

func newGroup(buf []byte) *group { return &group{buf: buf[:0], done: make(chan struct{})} }

func (g *group) takes(size int) bool { return len(g.buf) == 0 || len(g.buf)+size <= maxGroup }

// Append returns nil when all records are on disk, and an error when that is not certain: they may be handed to the broker all
// the same, which repeats would not be harmed by. ErrFull means come again later. Nothing waits for company: an Append that is
// alone is written at once, those that come meanwhile share the next sync.
func (s *Spool) Append(ctx context.Context, records ...Record) error {
	began := time.Now()
	size := 0
	for _, r := range records {
		n, err := frameSize(r)
		if err != nil {
			return err
		}
		size += n
	}
	if len(records) == 0 {
		return nil
	}
	g, err := s.join(ctx, records, size)
	if err == nil {
		select {
		case <-g.done:
			err = g.err
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if errors.Is(err, ErrFull) {
		s.metrics.full.Inc()
	}
	if err != nil {
		return err
	}
	s.metrics.appendSeconds.Observe(time.Since(began).Seconds())
	return nil
}

// join adds the records to the group that gathers, and tells which that was.
func (s *Spool) join(ctx context.Context, records []Record, size int) (*group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed && !s.group.takes(size) {
		if err := s.waitForRoom(ctx); err != nil {
			return nil, err
		}
	}
	if s.closed {
		return nil, ErrClosed
	}
	if err := s.admit(int64(size)); err != nil {
		return nil, err
	}
	now := s.now()
	g := s.group
	for _, r := range records {
		if r.ReceivedAt.IsZero() {
			r.ReceivedAt = now
		}
		if g.records == 0 {
			g.oldest = r.ReceivedAt.UnixMilli()
		}
		g.buf = appendFrame(g.buf, r)
		g.records++
	}
	s.waiting.Add(int64(len(records)))
	s.work.Signal()
	return g, nil
}

// waitForRoom is called and returns with mu held.
func (s *Spool) waitForRoom(ctx context.Context) error {
	room := s.room
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-room:
		return nil
	case <-s.closing:
		return nil // the caller looks
	case <-ctx.Done():
		return ctx.Err()
	}
}

// admit refuses rather than to drop what was taken before: a full spool is 503, not a loss.
func (s *Spool) admit(size int64) error {
	if have := s.bytes() + s.writing + int64(len(s.group.buf)); have+size > int64(s.cfg.MaxBytes) {
		return fmt.Errorf("%w: %d bytes of %v in %s: mend the broker, or raise max_bytes", ErrFull, have, s.cfg.MaxBytes, s.dir)
	}
	if age := s.oldestAge(); age > s.cfg.MaxAge {
		return fmt.Errorf("%w: the oldest record in %s waits for the broker since %v: mend the broker, or raise max_age",
			ErrFull, s.dir, age.Round(time.Second))
	}
	return nil
}
