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

// timers is a heap of what is due first. Nothing is ever removed from its
// middle: a lead that changes gets another timer, and an old one is known by
// not being the lead's own any more when its turn comes.
type timers struct{ heap timerHeap }

func (t *timers) add(at int64, id schemas.LeadID) { heap.Push(&t.heap, timer{at, id}) }

// next is the earliest instant, which may be of a lead that has moved on.
func (t *timers) next() (int64, bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].at, true
}

// prune rebuilds the heap when most of it is old: a busy lead leaves a timer
// behind at every commit, and theirs lie weeks ahead.
func (s *leads) prune() {
	if len(s.timers.heap) < 2*len(s.byID)+1024 {
		return
	}
	s.timers.heap = s.timers.heap[:0]
	for id, e := range s.byID {
		if e.due != 0 {
			s.timers.heap = append(s.timers.heap, timer{e.due, id})
		}
	}
	heap.Init(&s.timers.heap)
}

func (t *timers) pop() timer { return heap.Pop(&t.heap).(timer) }

// due takes the leads whose own timer is at or before now off the heap, at most
// n of them.
func (s *leads) due(now int64, n int) []schemas.LeadID {
	var ids []schemas.LeadID
	for len(ids) < n {
		at, ok := s.timers.next()
		if !ok || at > now {
			break
		}
		t := s.timers.pop()
		if e := s.get(t.id); e != nil && e.due == t.at {
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
