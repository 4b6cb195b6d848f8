package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"leadstream/insight"
	"leadstream/internal/clickhouse"
	"leadstream/internal/config"
	"leadstream/scoring/model"
)

// withShelf opens ClickHouse for a word.
func withShelf(g *globals, do func(context.Context, Config, *shelf) error) error {
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	cfg.stores()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	conn, err := clickhouse.Open(ctx, cfg.ClickHouse)
	if err != nil {
		return err
	}
	defer conn.Close()
	return do(ctx, cfg, newShelf(conn, cfg.under("models")))
}

// modelPublishWord makes a model the one that runs, for all workers, and for all of history.
type modelPublishWord struct {
	File   string `arg:"" help:"The model file, or the version of one that ran before (leadstream model list)."`
	NoWait bool   `help:"Do not wait until every lead is scored anew."`
}

func (w *modelPublishWord) Run(g *globals) error {
	return withShelf(g, func(ctx context.Context, cfg Config, s *shelf) error {
		running, err := cfg.loadModels(config.Report{})
		if err != nil {
			return err
		}
		draft, text, err := w.draft(ctx, s)
		if err != nil {
			return err
		}
		if _, err := pick(running, draft.Track()); err != nil {
			return fmt.Errorf("model publish: %s: %w", w.File, err)
		}
		row, err := s.publish(ctx, draft, text)
		if err != nil {
			return err
		}
		fmt.Fprintf(g.stdout, "%s is published; workers take it up within seconds, and nobody is alerted\n%s 已发布\n", row.Version, row.Version)
		if w.NoWait {
			return nil
		}
		return s.await(ctx, row, g)
	})
}

// draft reads a file, or takes what is kept under a version.
func (w *modelPublishWord) draft(ctx context.Context, s *shelf) (*model.Model, []byte, error) {
	if _, err := os.Stat(w.File); err != nil {
		rows, kept := s.rows(ctx, "version = {version:String}", driver.Named("version", w.File))
		if kept != nil {
			return nil, nil, kept
		}
		if len(rows) == 0 {
			return nil, nil, fmt.Errorf("model publish: %q is neither a file nor a version of `leadstream model list`", w.File)
		}
		m, err := model.Load([]byte(rows[0].Text), w.File)
		return m, []byte(rows[0].Text), err
	}
	return readDraft(w.File)
}

// publish gives the model the next number.
func (s *shelf) publish(ctx context.Context, draft *model.Model, text []byte) (shelved, error) {
	before, _, err := s.newest(ctx, draft.Track())
	if err != nil {
		return shelved{}, err
	}
	row := shelved{Track: draft.Track(), Publication: before.Publication + 1, Text: string(text), KeptAt: time.Now().UTC().Truncate(time.Millisecond)}
	row.Version = fmt.Sprintf("%s.%d", draft.Version(), row.Publication)
	return row, s.put(ctx, row)
}

// await draws a bar until every lead's row is of the publication.
func (s *shelf) await(ctx context.Context, row shelved, g *globals) error {
	total, done, err := s.over(ctx, row)
	if err != nil {
		return err
	}
	var over atomic.Int64
	over.Store(int64(done))
	b := startBar(g.stderr, "leads", total, over.Load)
	defer b.end()
	for done < total {
		select {
		case <-ctx.Done():
			return errors.New("model publish: the workers go on by themselves; `leadstream model list` says how far they are")
		case <-time.After(250 * time.Millisecond):
		}
		if total, done, err = s.over(ctx, row); err != nil {
			return err
		}
		over.Store(int64(done))
	}
	return nil
}

func (s *shelf) over(ctx context.Context, row shelved) (total, done uint64, err error) {
	err = s.conn.QueryRow(ctx, "SELECT count(), countIf(model_version = {version:String}) FROM lead_state FINAL WHERE track = {track:String}",
		driver.Named("version", row.Version), driver.Named("track", row.Track)).Scan(&total, &done)
	if err != nil {
		return 0, 0, fmt.Errorf("model publish: table lead_state: %w", err)
	}
	return total, done, nil
}

// modelListWord shows what is kept.
type modelListWord struct {
	Format string `help:"table, json or csv." enum:"table,json,csv" default:"table"`
}

func (w *modelListWord) Run(g *globals) error {
	return withShelf(g, func(ctx context.Context, _ Config, s *shelf) error {
		list, err := s.rows(ctx, "1")
		if err != nil {
			return err
		}
		rows := [][]string{{"version", "track", "publication", "kept_at", "leads"}}
		for i := range list {
			_, list[i].Leads, err = s.over(ctx, list[i])
			if err != nil {
				return err
			}
			list[i].Text = ""
			rows = append(rows, []string{list[i].Version, list[i].Track, strconv.Itoa(int(list[i].Publication)), list[i].KeptAt.Format(time.RFC3339), strconv.FormatUint(list[i].Leads, 10)})
		}
		switch w.Format {
		case "json":
			return writeJSON(g.stdout, list)
		case "csv":
			return writeCSV(g.stdout, rows)
		}
		return insight.WriteTable(g.stdout, rows, insight.Text{})
	})
}

// modelScoreWord answers: what was this lead worth then, under that model?
type modelScoreWord struct {
	Lead    string `arg:"" help:"The lead's id."`
	At      string `help:"2026-01-31, 2026-01-31T12:00:00Z, or an age such as 7d (default: now)." placeholder:"TIME"`
	Version string `help:"A version of leadstream model list, or a model file (default: the model that runs)." placeholder:"VERSION"`
	Track   string `help:"The track of another model than the first." placeholder:"TRACK"`
}

func (w *modelScoreWord) Run(g *globals) error {
	return withShelf(g, func(ctx context.Context, cfg Config, s *shelf) error {
		at, err := instantOf(w.At, time.Now())
		if err != nil {
			return err
		}
		m, err := w.model(ctx, cfg, s)
		if err != nil {
			return err
		}
		lead, err := storedLead(ctx, s.conn, m, w.Lead, at)
		if err != nil {
			return err
		}
		return writeJSON(g.stdout, m.Explain(lead, at.UnixMilli()))
	})
}

func (w *modelScoreWord) model(ctx context.Context, cfg Config, s *shelf) (*model.Model, error) {
	if w.Version == "" {
		m, err := cfg.modelOf(w.Track)
		if err != nil {
			return nil, err
		}
		row, found, err := s.newest(ctx, m.Track())
		if err != nil || !found {
			return m, err
		}
		return row.load()
	}
	if _, err := os.Stat(w.Version); err == nil {
		m, _, err := readDraft(w.Version)
		return m, err
	}
	m, err := s.of(ctx, w.Version)
	if err == nil && m == nil {
		err = fmt.Errorf("model score: %q is neither a file nor a version of `leadstream model list`", w.Version)
	}
	return m, err
}
