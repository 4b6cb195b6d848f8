package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
	"leadstream/leads/erase"
)

type erasureWord struct {
	Check erasureCheckWord `cmd:"" help:"Search every table, topic and file for a person."`
}

//	tables --every column--+
//	topics --every record--+-> one line a store: searched, found
//	files  --every byte----+

type erasureCheckWord struct {
	Lead        string   `arg:"" optional:"" help:"A lead's id. While a table still knows it, the person's other ids are found by it."`
	Site        string   `help:"The site; needed with ids." placeholder:"SITE"`
	AnonymousID []string `name:"anonymous-id" help:"A visitor's id; may be repeated." placeholder:"ID" sep:"none"`
	UserID      []string `name:"user-id" help:"A person's id; may be repeated." placeholder:"ID" sep:"none"`
	Email       []string `help:"An address; may be repeated." placeholder:"ADDRESS" sep:"none"`
	Tables      bool     `help:"Only the tables: quick, where the topics are long."`
}

func (erasureCheckWord) Help() string {
	return `DELETE /v1/leads/ID on the leads API erases; this searches, before or after. It ends with status 1 if a table or a file
has anything left. A topic's records go by retention and compaction: they are counted and dated, and are no fault.

Examples:
  leadstream erasure check 01234567-89ab-8cde-8f01-23456789abcd
  leadstream erasure check --site demo --user-id ada@example.com --anonymous-id 7c0c2b7e --email ada@example.com
  leadstream erasure check --tables 01234567-89ab-8cde-8f01-23456789abcd`
}

// Validate is asked before Run: what it refuses was not understood (exit status 2).
func (w *erasureCheckWord) Validate() error {
	ids := len(w.AnonymousID) + len(w.UserID) + len(w.Email)
	switch {
	case w.Lead == "" && ids == 0:
		return errors.New("whom? give a lead's id, or --site with --anonymous-id, --user-id or --email")
	case w.Site == "" && len(w.AnonymousID)+len(w.UserID) > 0:
		return errors.New("--site is needed: ids belong to a site")
	}
	return nil
}

func (w *erasureCheckWord) Run(g *globals) error {
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	cfg.stores()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	db, err := clickhouse.Open(ctx, cfg.ClickHouse)
	if err != nil {
		return err
	}
	defer db.Close()
	person, err := w.person(ctx, db)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "store\tsearched\tfound\t")
	left := uint64(0)
	row := func(f erase.Found) { fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", f.Store, f.Searched, f.Found, f.Note) }
	must := func(f erase.Found) { left += f.Found; row(f) }
	if err := erase.SearchTables(ctx, db, person, time.Time{}, must); err != nil {
		return err
	}
	if !w.Tables {
		if err := w.logs(ctx, g, cfg, db, person, row); err != nil {
			return err
		}
		// ClickHouse and the broker are asked themselves.
		if err := erase.SearchFiles(ctx, cfg.DataDir, []string{"clickhouse", "kafka"}, person, must); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if left > 0 {
		return fmt.Errorf("erasure: %d rows or files have one of the person's ids", left)
	}
	return nil
}

// person is who is searched for: by what the tables know, and by what was given.
func (w *erasureCheckWord) person(ctx context.Context, db clickhouse.Conn) (erase.Person, error) {
	given := erase.Person{Site: w.Site, AnonymousIDs: w.AnonymousID, UserIDs: w.UserID, Emails: w.Email}
	if w.Lead == "" {
		return erase.Known(given, ""), nil
	}
	found, err := erase.Find(ctx, db, w.Lead)
	if errors.Is(err, erase.ErrUnknown) { // after an erasure that is the good answer
		return erase.Known(given, w.Lead), nil
	}
	if err != nil {
		return found, err
	}
	found.AnonymousIDs = append(found.AnonymousIDs, given.AnonymousIDs...)
	found.UserIDs = append(found.UserIDs, given.UserIDs...)
	found.Emails = append(found.Emails, given.Emails...)
	return erase.Known(found, w.Lead), nil
}

// logs searches the topics, with a line of progress where somebody looks on.
func (w *erasureCheckWord) logs(ctx context.Context, g *globals, cfg Config, db clickhouse.Conn, person erase.Person, row func(erase.Found)) error {
	b := &base{cfg: cfg, log: zap.NewNop(), registry: prometheus.NewRegistry()}
	eraser, _, err := b.eraser(db)
	if err != nil {
		return err
	}
	defer eraser.Close()
	said := time.Now()
	return eraser.SearchTopics(ctx, person, func(topic string, done, of int64) {
		if time.Since(said) > time.Second {
			said = time.Now()
			fmt.Fprintf(g.stderr, "erasure: %s, %d of %d records\n", topic, done, of)
		}
	}, row)
}
