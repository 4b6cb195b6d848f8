package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
	"leadstream/internal/kafka"
	"leadstream/scoring"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// lookEvery is how soon a changed model file, or a publication, is noticed.
const lookEvery = time.Second

// modelWatch hands the worker what is to run: the published model, else the file's. A model with any
// fault is refused whole: the running one stays, and leadstream_scoring_model_refused is 1 until a good
// one comes. A file that does not run, because a model is published, is read all the same: its fault is
// told while somebody remembers the edit, and not at the next start.
//
//	table models -+-> [ watch ] -> worker
//	--model FILE -+       `-> data_dir/models: a copy, for a start without ClickHouse
type modelWatch struct {
	*base
	log    *zap.Logger
	worker *scoring.Worker
	at     int    // in base.models
	path   string // of the file; "" is the built-in one
	track  string
	shelf  atomic.Pointer[shelf] // nil while ClickHouse is away
	// What was looked at last, good or bad.
	text   []byte
	number uint32
	faulty struct{ file, published bool }
}

// openWatch finds out what is to run before the worker is made; ClickHouse may be away.
func (b *base) openWatch(ctx context.Context, at int) (*modelWatch, error) {
	file := b.files[at]
	w := &modelWatch{base: b, log: b.log.Named("model"), at: at, path: file.path, track: file.track, text: file.text}
	w.faulty.file = file.fault != nil
	if at > 0 {
		w.log = w.log.With(zap.String("track", w.track))
	}
	row, found, err := w.ask(ctx)
	if err != nil {
		w.log.Warn("which model is published cannot be asked; going on with the last one known here", zap.Error(err))
		row, found, err = newShelf(nil, b.cfg.under("models")).saved(w.track)
		if err != nil {
			return nil, err
		}
	}
	if !found {
		number, _ := b.models[at].Publication() // of a copy that stands in, when the table has lost it
		w.number = uint32(number)
		return w, nil
	}
	m, err := row.load()
	if err != nil {
		return nil, fmt.Errorf("the published model %s: %w", row.Version, err)
	}
	if w.path != "" && !w.faulty.file {
		w.log.Info("a model is published: it runs, and the file does not; publish the file to go over to it",
			zap.String("published", row.Version), zap.String("file", w.path))
	}
	b.models[at], w.number = m, row.Publication
	return w, nil
}

// ask looks at table models, and opens ClickHouse if that was not done yet.
func (w *modelWatch) ask(ctx context.Context) (shelved, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s := w.shelf.Load()
	if s == nil {
		conn, err := clickhouse.Open(ctx, w.cfg.ClickHouse)
		if err != nil {
			return shelved{}, false, err
		}
		s = newShelf(conn, w.cfg.under("models"))
		w.shelf.Store(s)
		if err := s.keep(ctx, w.models[w.at], w.text); err != nil {
			w.log.Warn("the model is not kept in table models", zap.Error(err))
		}
	}
	row, found, err := s.newest(ctx, w.track)
	if err == nil && found && row.Publication != w.number {
		err = s.save(row)
	}
	return row, found, err
}

// run watches until the process ends.
func (w *modelWatch) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if s := w.shelf.Load(); s != nil {
				return s.conn.Close()
			}
			return nil
		case <-tick.C:
			w.look(ctx)
		}
	}
}

// look asks both. While ClickHouse is away what runs stays.
func (w *modelWatch) look(ctx context.Context) {
	if row, found, err := w.ask(ctx); err == nil && found && row.Publication != w.number {
		w.number = row.Publication
		m, err := row.load()
		w.faulty.published = err != nil
		w.take(m, err, "published")
	}
	if w.path != "" {
		w.file(ctx)
	}
}

// file reads the model's file; it is small, and a file's time may stay when its content changes. Editors
// take a file away for a moment: then the running model stays, and the next look finds it.
func (w *modelWatch) file(ctx context.Context) {
	text, err := os.ReadFile(w.path)
	if err != nil || bytes.Equal(text, w.text) {
		return
	}
	w.text = text
	m, err := model.Load(text, w.path)
	if err == nil && m.Track() != w.track { // the API, the groups and the records have their tracks from the start
		err = fmt.Errorf("%s is now of track %q, and of %q when this process began: start again for another track", w.path, m.Track(), w.track)
	}
	mended := w.faulty.file && err == nil
	w.faulty.file = err != nil
	if w.number > 0 && err == nil {
		w.tell()
		w.log.Info("the model's file has changed and can be read; the published model goes on, publish the file to go over to it",
			zap.String("file", w.path), zap.Bool("mended", mended))
		return
	}
	w.take(m, err, "file")
	if s := w.shelf.Load(); err == nil && s != nil {
		if err := s.keep(ctx, m, text); err != nil {
			w.log.Warn("the model is not kept in table models", zap.Error(err))
		}
	}
}

func (w *modelWatch) take(m *model.Model, err error, from string) {
	w.tell()
	if err != nil {
		w.log.Error("a changed model is refused whole, the running one stays", zap.String("from", from), zap.Error(err))
		return
	}
	w.worker.Use(m)
	w.log.Info("another model is in force", zap.String("from", from), zap.String("model", m.Version()))
}

// tell sets the metric that an alert hangs on.
func (w *modelWatch) tell() { w.worker.Refused(w.faulty.file || w.faulty.published) }

// history is what the worker asks for when it scores history anew.
func (w *modelWatch) history(ctx context.Context, want scoring.Past) (replay.Source, error) {
	s := w.shelf.Load()
	if s == nil {
		return nil, errors.New("history: ClickHouse is away")
	}
	opts, err := kafka.Opts(w.cfg.Kafka, nil)
	if err != nil {
		return nil, err
	}
	return past{conn: s.conn, kafka: opts, group: w.cfg.Sink.Group}.history(ctx, want)
}
