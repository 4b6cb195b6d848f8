package dedup

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"
)

// load reads the files of earlier runs, newest first, because memory may end before they do.
func (w *Window) load() error {
	entries, err := os.ReadDir(w.cfg.Dir)
	if err != nil {
		return err
	}
	now := w.now()
	room := w.most - w.most/perMemory // so that the first thing to do is not to forget again
	for _, e := range slices.Backward(entries) {
		var number uint64
		if n, err := fmt.Sscanf(e.Name(), "%020d"+suffix, &number); n != 1 || err != nil || e.Name() != fmt.Sprintf("%020d%s", number, suffix) {
			continue
		}
		w.number = max(w.number, number)
		path := filepath.Join(w.cfg.Dir, e.Name())
		keep, err := w.loadFile(path, now, room)
		if err != nil {
			return err
		}
		if !keep {
			if err := w.disk.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	slices.SortStableFunc(w.generations, func(a, b *generation) int { return a.until.Compare(b.until) })
	return nil
}

// loadFile tells whether the file is still worth keeping.
func (w *Window) loadFile(path string, now time.Time, room int64) (keep bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 256<<10)
	h, seed, err := readHeader(r)
	if err != nil || h.secret != w.secretName() {
		w.log.Warn("a file of event ids cannot be read and is removed; repeats of its events may come through", zap.String("file", path), zap.Error(err))
		w.metrics.torn.Inc()
		return false, nil
	}
	born := h.born
	if born.After(now) { // a clock was set back: it must not be remembered for years
		born = now
	}
	until := born.Add(h.length + w.cfg.Window)
	if now.After(until) {
		return false, nil
	}
	if w.count.Load() >= room {
		info, err := f.Stat()
		if err != nil {
			return false, err
		}
		w.metrics.forgotten.Add(float64(info.Size() / idBytes))
		return false, nil
	}
	g := w.generationFor(born, until)
	g.files = append(g.files, path)
	torn := readFrames(r, seed, func(id ID) {
		if w.count.Load() >= w.most {
			w.metrics.forgotten.Inc()
		} else if w.add(id, g.label) {
			g.count++
		}
	})
	if torn {
		w.metrics.torn.Inc()
	}
	return true, nil
}

// generationFor is the generation of a file: one that was read before, if both end at about the same time, so that a collector
// that restarts every minute does not have a thousand. A few ids are remembered for one length longer by that.
func (w *Window) generationFor(born, until time.Time) *generation {
	for _, g := range w.generations {
		if apart := g.until.Sub(until); apart >= 0 && apart <= w.length() && g.count < w.most/perMemory/2 {
			g.born = born
			return g
		}
	}
	g := &generation{label: w.freeLabel(), born: born, until: until}
	w.generations = append(w.generations, g)
	return g
}
