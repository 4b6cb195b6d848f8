package dedup

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAgainstAMap walks at random through days of events, clean stops, kills and torn files, beside a map that forgets nothing.
// Always: what is seen was noted. And unless a file was harmed, what was noted and written within the window is seen.
func TestAgainstAMap(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { walk(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

type noted struct {
	at   time.Time
	safe bool // in the file, and the file is whole
}

func walk(t *testing.T, r *rand.Rand) {
	dir, c := t.TempDir(), newClock()
	w := opened(t, small(dir), c, realDisk())
	oracle := map[string]*noted{}
	for range 400 {
		switch n := r.IntN(20); {
		case n < 14:
			name := id(r.IntN(1000))
			key := w.ID("shop", false, name)
			if _, ever := oracle[name]; !ever {
				require.False(t, w.Seen(key), "%s was never noted", name)
			}
			if !w.Seen(key) {
				w.Note(key)
				oracle[name] = &noted{at: c.now()}
			}
		case n < 17:
			c.advance(time.Duration(r.Int64N(int64(2 * time.Hour))))
			w.tend()
			settled(oracle)
		case n == 17: // a clean stop
			require.NoError(t, w.Close())
			settled(oracle)
			w = opened(t, small(dir), c, realDisk())
		case n == 18: // kill -9
			w.kill()
			w = opened(t, small(dir), c, realDisk())
			unwrittenIsOpen(w, oracle)
		default: // kill -9, and the disk has lost the end of a file or a piece of it
			w.kill()
			harm(t, r, dir)
			w = opened(t, small(dir), c, realDisk())
			for _, n := range oracle {
				n.safe = false
			}
			unwrittenIsOpen(w, oracle)
		}
		for name, n := range oracle {
			if n.safe && c.now().Sub(n.at) <= w.cfg.Window {
				require.True(t, w.Seen(w.ID("shop", false, name)), "%s, noted %v ago", name, c.now().Sub(n.at))
			}
		}
	}
	require.NoError(t, w.Close())
}

func settled(oracle map[string]*noted) {
	for _, n := range oracle {
		n.safe = true
	}
}

// unwrittenIsOpen forgets what may be gone and is: the ids of the last 50 ms, and those of harmed files.
func unwrittenIsOpen(w *Window, oracle map[string]*noted) {
	for name, n := range oracle {
		if !n.safe && !w.Seen(w.ID("shop", false, name)) {
			delete(oracle, name)
		}
	}
}

// kill stops without writing.
func (w *Window) kill() {
	close(w.stop)
	<-w.ended
	_ = w.lock.Close()
	if w.file != nil {
		_ = w.file.out.Close()
	}
}

func harm(t *testing.T, r *rand.Rand, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.ids"))
	require.NoError(t, err)
	if len(files) == 0 {
		return
	}
	slices.Sort(files)
	path := files[r.IntN(len(files))]
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	switch at := r.IntN(len(text)); r.IntN(3) {
	case 0:
		text = text[:at]
	case 1:
		text[at] ^= 1 << r.IntN(8)
	default:
		for i := range text[at:] {
			text[at+i] = 0 // what a power cut leaves of pages that were not written
		}
	}
	require.NoError(t, os.WriteFile(path, text, 0o600))
}
