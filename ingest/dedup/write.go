package dedup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// writing is the file that takes the current generation's ids.
type writing struct {
	out  io.WriteCloser
	seed uint32
}

const suffix = ".ids"

// write puts what was noted into the file. There is no fsync: a power cut may take the last half minute of ids, and then their
// repeats come through. What cannot be written stays in memory, where it serves until the next restart.
func (w *Window) write() {
	w.mu.Lock()
	ids := w.unwritten
	w.unwritten = nil
	g := w.generations[len(w.generations)-1]
	w.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	err := w.writeTo(g, ids)
	if err == nil {
		return
	}
	w.metrics.writeFailed.Add(float64(len(ids)))
	err = errors.Join(err, w.closeFile()) // its end may be torn; a new file is surely not
	if now := w.now(); now.Sub(w.grumble) >= time.Minute {
		w.grumble = now
		w.log.Warn("event ids could not be written; a restart now would let repeats of their events through", zap.Error(err))
	}
}

func (w *Window) writeTo(g *generation, ids []ID) error {
	if w.file == nil {
		if err := w.beginFile(g); err != nil {
			return err
		}
	}
	var buf []byte
	for len(ids) > 0 {
		n := min(len(ids), mostInFrame)
		buf = appendFrame(buf[:0], w.file.seed, ids[:n])
		if _, err := w.file.out.Write(buf); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (w *Window) beginFile(g *generation) error {
	w.number++
	path := filepath.Join(w.cfg.Dir, fmt.Sprintf("%020d%s", w.number, suffix))
	out, err := w.disk.create(path)
	if err != nil {
		return err
	}
	g.files = append(g.files, path)
	head := header{born: g.born, length: w.length(), secret: w.secretName()}.encode()
	w.file = &writing{out: out, seed: binary.LittleEndian.Uint32(head[headerSize-4:])}
	_, err = out.Write(head)
	return err
}

// endFile lets the next ids begin a file of their own.
func (w *Window) endFile() {
	w.write()
	if err := w.closeFile(); err != nil {
		w.log.Warn("a file of event ids was not closed well", zap.Error(err))
	}
}

func (w *Window) closeFile() error {
	if w.file == nil {
		return nil
	}
	out := w.file.out
	w.file = nil
	return out.Close()
}
