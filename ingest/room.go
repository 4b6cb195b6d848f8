package ingest

import (
	"context"
	"sync"
	"time"
)

// room bounds the memory that the bodies of all requests take together, packed or not: without it a hundred small bombs, each
// within the limit of one request, are gigabytes. It is counted as it is taken, before the memory is.
type room struct {
	most     int64
	patience time.Duration // how long a request waits for others to end

	mu      sync.Mutex
	used    int64
	waiting int
	freed   chan struct{} // closed when room was given back and somebody waits
}

// smallBody is what a request may have although large ones fill their share. Nearly all requests are smaller.
const smallBody = 64 << 10

func newRoom(most int64) *room {
	return &room{most: most, patience: time.Second, freed: make(chan struct{})}
}

// hold is what one request has of the room.
type hold struct {
	of *room
	n  int64
}

// grow takes n more bytes, or says no after the room's patience. A request that has become large competes for three quarters
// only: beacons go on while somebody floods us with megabytes.
func (h *hold) grow(ctx context.Context, n int64) bool {
	most := h.of.most
	if h.n+n > smallBody {
		most -= most / 4
	}
	if h.of.take(ctx, n, most) {
		h.n += n
		return true
	}
	return false
}

// free gives all back; harmless when repeated.
func (h *hold) free() {
	if h.n > 0 {
		h.of.give(h.n)
		h.n = 0
	}
}

func (o *room) take(ctx context.Context, n, most int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.used+n <= most {
		o.used += n
		return true
	}
	late := time.NewTimer(o.patience)
	defer late.Stop()
	for o.used+n > most {
		freed := o.freed
		o.waiting++
		o.mu.Unlock()
		given := false
		select {
		case <-freed:
			given = true
		case <-late.C:
		case <-ctx.Done():
		}
		o.mu.Lock()
		o.waiting--
		if !given && o.used+n > most {
			return false
		}
	}
	o.used += n
	return true
}

func (o *room) give(n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.used -= n
	if o.waiting > 0 {
		close(o.freed)
		o.freed = make(chan struct{})
	}
}

// inUse is what the metric shows.
func (o *room) inUse() float64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return float64(o.used)
}
