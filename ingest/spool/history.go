package spool

import "time"

// history knows how far the spool was drained some time ago.
type history struct {
	keep  time.Duration
	marks []mark
}

// mark says that drained was reached at the time at, and not before since.
type mark struct {
	since, at time.Time
	drained   uint64
}

// note is called whenever drained may have moved. Moves within a 64th of the time share a mark, which then counts from the
// last of them: room for 65 marks, and settled comes late rather than early.
func (h *history) note(now time.Time, drained uint64) {
	n := len(h.marks)
	switch {
	case h.keep == 0, n > 0 && h.marks[n-1].drained == drained:
	case n > 0 && now.Sub(h.marks[n-1].since) < h.keep/64:
		h.marks[n-1].at, h.marks[n-1].drained = now, drained
	default:
		h.marks = append(h.marks, mark{now, now, drained})
	}
}

// settled is how far it was drained keep ago; before is what it said last.
func (h *history) settled(now time.Time, drained, before uint64) uint64 {
	if h.keep == 0 {
		return drained
	}
	for len(h.marks) > 0 && now.Sub(h.marks[0].at) >= h.keep {
		before = h.marks[0].drained
		h.marks = h.marks[1:]
	}
	return before
}
