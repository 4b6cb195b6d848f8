package ingest

import (
	"sync"
	"time"
)

// patience ends the wait for a broker that does not answer. One clock serves all who wait: a timer for each event costs as much as
// handing it over. All have the same time, so the list of them is in the order in which it ends.
type patience struct {
	tick time.Duration // the waitTicks'th part of the time

	mu          sync.Mutex
	first, last *sending
	ticks       uint64
	ticking     bool
}

// waitTicks is how finely the time is counted: a wait ends at most a fiftieth late.
const waitTicks = 50

// wait is a sending's place in the list.
type wait struct {
	before, after *sending
	since         uint64 // ticks
	waits         bool
}

func (p *patience) begin(s *sending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.wait = wait{before: p.last, since: p.ticks, waits: true}
	if p.last == nil {
		p.first = s
	} else {
		p.last.after = s
	}
	p.last = s
	if !p.ticking {
		p.ticking = true
		time.AfterFunc(p.tick, p.look)
	}
}

// end tells whether the wait had not been ended: then no word of this patience is under way.
func (p *patience) end(s *sending) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !s.waits {
		return false
	}
	p.take(s)
	return true
}

// take is called with mu held.
func (p *patience) take(s *sending) {
	if s.before == nil {
		p.first = s.after
	} else {
		s.before.after = s.after
	}
	if s.after == nil {
		p.last = s.before
	} else {
		s.after.before = s.before
	}
	s.wait = wait{}
}

// look tells those whose time is over. It ticks only while somebody waits.
func (p *patience) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ticks++
	for p.first != nil && p.ticks > p.first.since+waitTicks { // more: the first tick may have been under way
		s := p.first
		p.take(s)
		s.tell()
	}
	if p.ticking = p.first != nil; p.ticking {
		time.AfterFunc(p.tick, p.look)
	}
}
