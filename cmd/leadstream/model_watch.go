package main

import (
	"bytes"
	"context"
	"os"
	"time"

	"go.uber.org/zap"

	"leadstream/internal/daemon"
	"leadstream/scoring"
	"leadstream/scoring/model"
)

// lookEvery is how soon a changed model file is noticed.
const lookEvery = time.Second

// modelWatch looks at the model's file and hands a changed one to the worker. A file with any fault is
// refused whole: the running model stays, and leadstream_scoring_model_refused is 1 until the file is good.
type modelWatch struct {
	file   string
	log    *zap.Logger
	worker *scoring.Worker
	seen   []byte // the text that was looked at last, good or bad
}

// watchModel is the part that does it; without a file there is nothing to watch.
func (b *base) watchModel(worker *scoring.Worker) daemon.Part {
	w := &modelWatch{file: b.cfg.Model, log: b.log.Named("model"), worker: worker}
	if text, err := os.ReadFile(w.file); err == nil {
		w.seen = text
	}
	return daemon.Part{Name: "model", Run: func(ctx context.Context) error {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if w.file != "" {
					w.look()
				}
			}
		}
	}}
}

// look reads the file; it is small, and a file's time may stay when its content changes.
func (w *modelWatch) look() {
	text, err := os.ReadFile(w.file)
	if err != nil {
		// Editors take a file away for a moment: the running model stays, and the next look finds it.
		return
	}
	if bytes.Equal(text, w.seen) {
		return
	}
	w.seen = text
	m, err := model.Load(text, w.file)
	w.worker.Refused(err != nil)
	if err != nil {
		w.log.Error("the changed model is refused whole, the running one stays; mend the file, it is looked at again", zap.Error(err))
		return
	}
	w.worker.Use(m)
	w.log.Info("the model's file has changed and is in force", zap.String("model", m.Version()))
}
