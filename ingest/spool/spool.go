package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"leadstream/internal/folderlock"
)

var (
	// ErrFull says that size, age or disk allow no more now: the sender should come again later.
	ErrFull = errors.New("the spool is full")
	// ErrClosed is what Append and Drain say after Close.
	ErrClosed = errors.New("the spool is closed")
)

// Deps is what the spool is given.
type Deps struct {
	Log      *zap.Logger
	Registry prometheus.Registerer
	Now      func() time.Time // nil = time.Now
}

// Spool is one folder. All methods may be called at once from anywhere.
type Spool struct {
	dir     string
	cfg     Config
	log     *zap.Logger
	now     func() time.Time
	disk    disk
	lock    *os.File
	metrics *metrics
	report  Recovery

	// What Pending looks at, without a lock: it is asked for every request.
	waiting atomic.Int64  // records between the call of Append and their commit
	durable atomic.Uint64 // all acknowledged records have a smaller number
	drained atomic.Uint64 // the broker has acknowledged all before this

	mu       sync.Mutex
	work     sync.Cond // the group has something for the committer, or the end has come
	group    *group    // gathers while the one before it is being written
	room     chan struct{}
	writing  int64 // bytes the committer is at
	closed   bool
	segments []*segment // in order
	oldest   int64      // received_at in ms of the first record that waits for the broker
	emptied  chan struct{}

	next      uint64   // number of the next frame; the committer's own
	active    *segment // being written; the committer's own while writing > 0, else under mu
	committed chan struct{}
	more      chan struct{} // tells Drain that there is more
	closing   chan struct{}

	draining sync.Mutex // held by Drain, then by Close
	position position
	history  history
	saved    place
	savedAt  time.Time
	boot     [16]byte
}

// Open takes the folder for this process and makes sense of what is in it. It refuses only a folder that is in use, that cannot
// be written, or that a newer version has written; damage never keeps it from opening.
func Open(cfg Config, d Deps) (*Spool, error) { return open(cfg, d, realDisk()) }

func open(cfg Config, d Deps, on disk) (*Spool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	dir := cfg.Dir
	if dir == "" {
		return nil, errors.New("spool: dir: a folder is needed")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { // what is in there are people's events
		return nil, fmt.Errorf("spool: %w", err)
	}
	held, err := folderlock.Take(dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{
		dir: dir, cfg: cfg, log: d.Log, now: d.Now, disk: on, lock: held, boot: bootID(),
		group: newGroup(nil), room: make(chan struct{}), emptied: make(chan struct{}),
		committed: make(chan struct{}), more: make(chan struct{}, 1), closing: make(chan struct{}),
		position: position{path: filepath.Join(dir, "position"), disk: on}, history: history{keep: cfg.KeepFor},
	}
	s.work.L = &s.mu
	if s.now == nil {
		s.now = time.Now
	}
	s.metrics = newMetrics(d.Registry, s)
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, s.position.close(), held.Close())
	}
	go s.commitLoop()
	return s, nil
}

// Direct tells whether a record may go to the broker without the spool. While one waits in it, every new one must go through
// it too, or a visitor's later event would overtake his earlier one; this is the one place where that is decided.
func (s *Spool) Direct() bool { return !s.cfg.Always && !s.Pending() }

// Pending tells whether a record waits for the broker.
func (s *Spool) Pending() bool { return s.waiting.Load() > 0 || s.drained.Load() < s.durable.Load() }

// WaitDrained returns when nothing waits for the broker, or with ctx' error.
func (s *Spool) WaitDrained(ctx context.Context) error {
	for {
		s.mu.Lock()
		emptied := s.emptied
		s.mu.Unlock()
		if !s.Pending() {
			return nil
		}
		select {
		case <-emptied:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Room returns nil when Append would take a record now, as far as can be told without trying the disk; else an ErrFull with its
// reason.
func (s *Spool) Room() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return s.admit(0)
}

// Recovered tells what Open found.
func (s *Spool) Recovered() Recovery { return s.report }

// Close commits what is waiting, notes that the stop was clean and lets the folder go. Drain's context must have ended before:
// Close waits for Drain to return. What was not drained stays for the next start.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	s.work.Broadcast()
	s.mu.Unlock()
	<-s.committed
	s.draining.Lock()
	defer s.draining.Unlock()
	s.mu.Lock()
	s.seal()
	s.mu.Unlock()
	s.tend()
	err := s.save(true)
	return errors.Join(err, s.position.close(), s.lock.Close())
}

// size is what the metrics show: bytes and files.
func (s *Spool) size() (bytes int64, files int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes(), len(s.segments)
}

func (s *Spool) bytes() int64 {
	sum := int64(0)
	for _, g := range s.segments {
		sum += g.end
	}
	return sum
}

func (s *Spool) oldestSeconds() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.oldestAge().Seconds()
}

// oldestAge is never negative: clocks are set back at times.
func (s *Spool) oldestAge() time.Duration {
	if s.oldest == 0 {
		return 0
	}
	return max(0, s.now().Sub(time.UnixMilli(s.oldest)))
}
