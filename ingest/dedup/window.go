package dedup

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"leadstream/internal/folderlock"
)

// Deps is what the window is given.
type Deps struct {
	Log      *zap.Logger
	Registry prometheus.Registerer
	Now      func() time.Time // nil = time.Now
}

// Window is the memory of one collector. All methods may be called at once from anywhere.
type Window struct {
	cfg     Config
	log     *zap.Logger
	now     func() time.Time
	secret  [sha256.Size]byte
	lock    *os.File // nil = memory only
	metrics *metrics

	tables  [tables]table
	count   atomic.Int64 // ids in the tables, dead ones included until they are swept
	places  atomic.Int64
	most    int64 // ids that fit the memory
	current atomic.Uint32

	mu          sync.Mutex
	generations []*generation // oldest first; the last one takes new ids
	unwritten   []ID

	tending sync.Mutex // held while files and generations change
	disk    disk
	file    *writing // nil = the next ids begin one
	number  uint64   // of the newest file
	grumble time.Time

	stop  chan struct{}
	ended chan struct{}
}

const (
	// A generation is a 24th of the window, or an 8th of the memory if that comes first: giving one up must not cost it all.
	perWindow = 24
	perMemory = 8
	// tendEvery bounds what a kill -9 forgets: the ids of so long may be let through again.
	tendEvery = 50 * time.Millisecond
	// mostUnwritten bounds what waits for a disk that does not answer.
	mostUnwritten = 1 << 20
)

// Open reads what earlier runs have left. It refuses only a folder that cannot be used at all.
func Open(cfg Config, d Deps) (*Window, error) { return open(cfg, d, realDisk()) }

func open(cfg Config, d Deps, on disk) (*Window, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("dedup: %w", err)
	}
	if cfg.Window == 0 {
		return nil, errors.New("dedup: window: must be longer than 0s")
	}
	w := &Window{
		cfg: cfg, log: d.Log, now: d.Now, disk: on,
		most: (int64(cfg.Memory) - tables*smallest*placeBytes) / worstBytes,
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	if w.now == nil {
		w.now = time.Now
	}
	w.metrics = newMetrics(d.Registry, w)
	if err := w.openDir(); err != nil {
		return nil, err
	}
	w.begin(w.now())
	go w.tendLoop()
	return w, nil
}

func (w *Window) openDir() (err error) {
	if w.cfg.Dir == "" {
		return w.newSecret()
	}
	if err := os.MkdirAll(w.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("dedup: %w", err)
	}
	if w.lock, err = folderlock.Take(w.cfg.Dir); err != nil {
		return fmt.Errorf("dedup: %w", err)
	}
	if err = w.readSecret(); err == nil {
		err = w.load()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("dedup: %w", err), w.lock.Close())
	}
	return nil
}

// ID is the id of an event, as the window knows it. What a secret key signed and what anybody may send are kept apart: else
// whoever guesses the id of a deal could send it first, and the deal would be taken for a repeat.
func (w *Window) ID(site string, trusted bool, event string) ID {
	text := make([]byte, 0, 512)
	text = append(text, w.secret[:]...)
	text = append(text, site...)
	if trusted {
		text = append(text, 0, 1)
	} else {
		text = append(text, 0, 0)
	}
	text = append(text, event...)
	sum := sha256.Sum256(text)
	return ID{binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])}
}

func (w *Window) table(id ID) *table { return &w.tables[id[1]%tables] }

// Seen tells whether the id was noted within the window.
func (w *Window) Seen(id ID) bool { return w.table(id).has(id) }

// Note remembers ids, whose events must be durable by now: what is noted is never kept again.
func (w *Window) Note(ids ...ID) {
	of := label(w.current.Load())
	added := ids[:0:0]
	for _, id := range ids {
		if w.count.Load() >= w.most {
			w.metrics.forgotten.Inc() // tend is about to make room; a request does not wait for that
			continue
		}
		if w.add(id, of) {
			added = append(added, id)
		}
	}
	if len(added) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.generations[len(w.generations)-1].count += int64(len(added))
	switch {
	case w.lock == nil:
	case len(w.unwritten)+len(added) > mostUnwritten:
		w.metrics.writeFailed.Add(float64(len(added)))
	default:
		w.unwritten = append(w.unwritten, added...)
	}
}

func (w *Window) add(id ID, of label) bool {
	added, grown := w.table(id).add(id, of)
	if grown > 0 {
		w.places.Add(int64(grown))
	}
	if added {
		w.count.Add(1)
	}
	return added
}

func (w *Window) tendLoop() {
	defer close(w.ended)
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
			w.tend()
		}
	}
}

// tend writes what was noted, and lets go of what is too old or too much.
func (w *Window) tend() {
	w.tending.Lock()
	defer w.tending.Unlock()
	w.write()
	now := w.now()
	w.turn(now)
	w.expire(now)
}

// Close writes what was noted and lets go of the folder.
func (w *Window) Close() error {
	close(w.stop)
	<-w.ended
	w.tending.Lock()
	defer w.tending.Unlock()
	w.write()
	if w.lock == nil {
		return nil
	}
	return errors.Join(w.closeFile(), w.lock.Close())
}
