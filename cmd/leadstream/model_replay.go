package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"leadstream/insight"
	"leadstream/internal/clickhouse"
	"leadstream/internal/kafka"
	"leadstream/scoring"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// replayFlags are those of every word that plays history again.
//
//	table events  -+
//	events topic  -+-> [ histories ] -> [ each core: play under a model ] -> merged answer
type replayFlags struct {
	From   string `name:"from" help:"clickhouse: all events there are. topic: what the broker still holds, as the workers read it." enum:"clickhouse,topic" default:"clickhouse"`
	Site   string `help:"One site only." placeholder:"SITE"`
	Track  string `help:"Hold against the model of this track (default: the draft's, else the first)." placeholder:"TRACK"`
	Cores  int    `help:"Play on so many cores (default: all)." placeholder:"N"`
	Format string `help:"table, json or csv." enum:"table,json,csv" default:"table"`
}

// replaying is one replay on its way.
type replaying struct {
	replayFlags
	cfg     Config
	running *model.Model
	text    []byte // its file
	now     time.Time
	conn    clickhouse.Conn
	source  replay.Source
	total   uint64
	stderr  io.Writer
}

// with opens what a replay needs, does it, and closes. The model that runs is that of the track asked for, else of the draft's.
func (f replayFlags) with(g *globals, draft *model.Model, do func(context.Context, *replaying) error) error {
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	cfg.stores()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := &replaying{replayFlags: f, cfg: cfg, now: time.Now(), stderr: g.stderr}
	if r.running, r.text, err = cfg.runningIn(cmp.Or(f.Track, cfg.trackOfDraft(draft))); err != nil {
		return err
	}
	if r.Cores <= 0 {
		r.Cores = runtime.GOMAXPROCS(0)
	}
	if r.conn, err = clickhouse.Open(ctx, cfg.ClickHouse); err != nil && (f.From == "clickhouse" || ctx.Err() != nil) {
		return err
	}
	if r.conn != nil {
		defer r.conn.Close()
	}
	if err := r.published(ctx); err != nil {
		return err
	}
	if err := r.choose(ctx); err != nil {
		return err
	}
	return do(ctx, r)
}

// published takes the published model for the one that runs, if there is one.
func (r *replaying) published(ctx context.Context) error {
	if r.conn == nil {
		return nil
	}
	row, found, err := newShelf(r.conn, "").newest(ctx, r.running.Track())
	if err != nil || !found {
		return err
	}
	r.text = []byte(row.Text)
	r.running, err = row.load()
	return err
}

func (r *replaying) choose(ctx context.Context) error {
	if r.From == "topic" {
		opts, err := kafka.Opts(r.cfg.Kafka, nil)
		if err != nil {
			return err
		}
		r.source = r.siteOnly(scoring.TopicHistory(opts))
		r.total, err = scoring.EventsHeld(ctx, opts)
		return err
	}
	stored := storedHistory{conn: r.conn, site: r.Site, people: true}
	r.source = stored.source
	var err error
	r.total, err = stored.count(ctx)
	return err
}

func (r *replaying) siteOnly(all replay.Source) replay.Source {
	if r.Site == "" {
		return all
	}
	return func(ctx context.Context, share, of int, each func(replay.History) error) error {
		return all(ctx, share, of, func(h replay.History) error {
			if h.Site != r.Site {
				return nil
			}
			return each(h)
		})
	}
}

// play runs over all histories, with a bar.
func (r *replaying) play(ctx context.Context, each func(share int, h replay.History) error) error {
	var progress replay.Progress
	b := startBar(r.stderr, "events", r.total, progress.Events.Load)
	err := replay.Run(ctx, r.source, r.Cores, &progress, each)
	b.end()
	if err == nil && progress.Leads.Load() == 0 {
		return errors.New("replay: there are no events to play: send some, or look at --site and --from")
	}
	return err
}

// draft reads a model file that does not run yet.
func readDraft(file string) (*model.Model, []byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	m, err := model.Load(text, file)
	return m, text, err
}

// writeJSON is for machines: one object, indented.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func writeCSV(w io.Writer, rows [][]string) error {
	out := csv.NewWriter(w)
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return out.Error()
}

// section prints a heading and a table.
func section(w io.Writer, title string, rows [][]string) error {
	if len(rows) < 2 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", title); err != nil {
		return err
	}
	return insight.WriteTable(w, rows, insight.Text{})
}

func fixed(v float64, decimals int) string { return fmt.Sprintf("%.*f", decimals, v) }
