package scoring

import (
	"container/heap"

	"leadstream/schemas"
)

// timer is one instant at which a lead is due to fall.
type timer struct {
	at int64
	id schemas.LeadID
}

// timers is a heap of what is due first, for the next while only: most leads fall
// weeks from now and move on before that. Every row knows its own instant; the heap
// is filled from them when the while is half over. Nothing is ever removed from its
// middle: a lead that changes gets another timer, and an old one is known by not
// being the lead's own any more when its turn comes.
type timers struct {
	heap  timerHeap
	until int64 // all timers up to here are in the heap
}

// ahead is how far the heap looks, ms. Filling it reads the head of every row.
const ahead = 2 * 3_600_000

// next is the earliest instant, which may be of a lead that has moved on.
func (t *timers) next() (int64, bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].at, true
}

// arm sets a lead's timer; 0 is never.
func (s *leads) arm(id schemas.LeadID, at int64) {
	if at == 0 || at > s.timers.until {
		return
	}
	heap.Push(&s.timers.heap, timer{at, id})
	if len(s.timers.heap) > 2*s.len()+1024 {
		s.fillTimers() // most of them are old: a busy lead leaves one behind at every commit
	}
}

// lookAhead fills the heap when what it knows of comes to its end.
func (s *leads) lookAhead(now int64) {
	if now+ahead/2 > s.timers.until {
		s.timers.until = now + ahead
		s.fillTimers()
	}
}

func (s *leads) fillTimers() {
	s.timers.heap = s.timers.heap[:0]
	s.rows.eachDue(s.timers.until, func(r row) {
		s.timers.heap = append(s.timers.heap, timer{r.due, r.id})
	})
	heap.Init(&s.timers.heap)
}

func (t *timers) pop() timer { return heap.Pop(&t.heap).(timer) }

// due takes the leads whose own timer is at or before now off the heap, at most
// n of them.
func (s *leads) due(now int64, n int) []schemas.LeadID {
	s.lookAhead(now)
	var ids []schemas.LeadID
	for len(ids) < n {
		at, ok := s.timers.next()
		if !ok || at > now {
			break
		}
		t := s.timers.pop()
		if r, ok := s.rows.get(t.id); ok && r.due == t.at {
			ids = append(ids, t.id)
		}
	}
	return ids
}

type timerHeap []timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
