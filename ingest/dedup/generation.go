package dedup

import (
	"time"

	"go.uber.org/zap"
)

// generation is the ids of one stretch of time: they are forgotten together.
type generation struct {
	label label
	born  time.Time
	until time.Time // the last of its ids has been remembered for the window by then
	count int64
	files []string
}

// length of a generation, at most.
func (w *Window) length() time.Duration { return w.cfg.Window / perWindow }

// begin starts the generation of the ids to come.
func (w *Window) begin(now time.Time) {
	g := &generation{label: w.freeLabel(), born: now, until: now.Add(w.length() + w.cfg.Window)}
	w.mu.Lock()
	w.generations = append(w.generations, g)
	w.mu.Unlock()
	w.current.Store(uint32(g.label))
}

// freeLabel is one that no living generation wears. There are always some: begin and load keep generations to a 24th of the
// window or an 8th of the memory, give or take what a restart splits.
func (w *Window) freeLabel() label {
	for {
		var taken [256]bool
		for _, g := range w.generations {
			taken[g.label] = true
		}
		for l := range taken {
			if !taken[l] {
				return label(l)
			}
		}
		w.drop(1) // hundreds of restarts a window: the oldest goes
	}
}

// turn begins a new generation when the current one is old or large enough.
func (w *Window) turn(now time.Time) {
	w.mu.Lock()
	g := w.generations[len(w.generations)-1]
	full := g.count >= max(1, w.most/perMemory)
	old := g.count > 0 && (now.Sub(g.born) >= w.length() || now.Before(g.born))
	if g.count == 0 { // nothing to forget: it begins when its first id comes
		g.born, g.until = now, now.Add(w.length()+w.cfg.Window)
	}
	w.mu.Unlock()
	if full || old {
		w.endFile()
		w.begin(now)
	}
}

// expire forgets the generations whose time is over, and early those for which memory is short.
func (w *Window) expire(now time.Time) {
	w.mu.Lock()
	dead := 0
	for dead < len(w.generations)-1 && now.After(w.generations[dead].until) {
		dead++
	}
	early := 0
	if keep := w.most - w.most/(2*perMemory); w.count.Load() > keep && dead == 0 && len(w.generations) > 1 {
		early = 1
		w.metrics.forgotten.Add(float64(w.generations[0].count))
	}
	w.mu.Unlock()
	w.drop(dead + early)
}

// drop forgets the n oldest generations: in memory first, since a file without its ids does no harm.
func (w *Window) drop(n int) {
	if n == 0 {
		return
	}
	w.mu.Lock()
	gone := w.generations[:n]
	w.generations = append([]*generation(nil), w.generations[n:]...)
	w.mu.Unlock()
	var dead [256]bool
	for _, g := range gone {
		dead[g.label] = true
	}
	for i := range w.tables {
		forgotten, shrunk := w.tables[i].sweep(&dead)
		w.count.Add(-int64(forgotten))
		w.places.Add(-int64(shrunk))
	}
	for _, g := range gone {
		for _, path := range g.files {
			if err := w.disk.remove(path); err != nil {
				w.log.Warn("a file of forgotten event ids stays", zap.Error(err))
			}
		}
	}
}
