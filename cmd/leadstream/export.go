package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// exportWord writes a table or view to a file, as ClickHouse streams it:
//
//	ClickHouse --HTTP, FORMAT--> FILE.part --rename--> FILE
//	                             (or standard output)
type exportWord struct {
	Table  string `arg:"" help:"A table or a view, such as events, stage_log, leads."`
	Since  string `help:"Only rows since then: 2026-01-31, 2026-01-31T12:00:00Z, or an age such as 24h or 7d." placeholder:"TIME"`
	Site   string `help:"Only this site's rows."`
	Format string `help:"parquet, csv (with a header) or ndjson." enum:"parquet,csv,ndjson" default:"ndjson"`
	Out    string `short:"o" help:"File, complete or not there at all (default: standard output)." placeholder:"FILE"`
	Safe   bool   `name:"csv-safe" help:"CSV for a spreadsheet: a text that it would run as a formula gets a ' in front, as in the CSV of the leads API."`
	HTTP   string `name:"http" help:"ClickHouse's HTTP interface, if it is not where it usually is beside clickhouse.addr." placeholder:"URL"`
}

func (exportWord) Help() string {
	return `Repeated rows are left out. Progress goes to standard error.

Examples:
  leadstream export events --since 7d --format parquet --out events.parquet
  leadstream export leads --format csv --csv-safe > leads.csv
  leadstream export stage_log --since 2026-01-01 --site demo | jq .to_stage
  leadstream export ledger --set clickhouse.addr=db:9000 --http http://db:8123 -o ledger.ndjson`
}

// exported are the tables and views without parameters, each with the column that --since asks; "" where rows have no time.
var exported = map[string]string{
	"events": "received_at", "ledger": "received_at", "stage_log": "at", "lead_state": "received_at", "identities": "at",
	"deals": "at", "market_signals": "at", "forecasts": "made_at", "handovers": "at", "erasures": "finished_at", "models": "", "erased_leads": "until",
	"ledger_folded": "", "ledger_horizon": "",
	"leads": "received_at", "hot_leads": "received_at", "stage_visits": "entered_at", "driver_exposure": "entered_at",
	"accounts": "last_seen", "lead_ids": "joined_at", "events_resolved": "event_time", "identity_proposals": "since", "stage_conversion": "", "stage_velocity": "", "leaks": "", "cohort_retention": "", "source_attribution": "", "handover_clocks": "",
}

// isTable tells what must be read with FINAL; a view has done so itself.
var isTable = map[string]bool{"events": true, "ledger": true, "stage_log": true, "lead_state": true, "identities": true,
	"deals": true, "market_signals": true, "forecasts": true, "handovers": true, "erasures": true, "models": true, "erased_leads": true,
	"ledger_folded": true, "ledger_horizon": true}

var exportFormats = map[string]string{"parquet": "Parquet", "csv": "CSVWithNames", "ndjson": "JSONEachRow"}

// Validate is asked before Run: what it refuses was not understood (exit status 2).
func (w *exportWord) Validate() error {
	column, known := exported[w.Table]
	if !known {
		return fmt.Errorf("%q is no table or view to export; there are %s", w.Table, strings.Join(slices.Sorted(maps.Keys(exported)), ", "))
	}
	if w.Safe && w.Format != "csv" {
		return fmt.Errorf("--csv-safe: is for --format csv, not %s", w.Format)
	}
	if w.Site != "" && w.Table == "models" {
		return errors.New("a model is of no one site: leave --site out")
	}
	if w.Since == "" {
		return nil
	}
	if column == "" {
		return fmt.Errorf("the rows of %s have no time of their own: leave --since out", w.Table)
	}
	_, err := sinceWhen(w.Since, time.Now())
	return err
}

func sinceWhen(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n float64
		if _, err := fmt.Sscanf(days+" ", "%g ", &n); err == nil && n >= 0 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	return time.Time{}, fmt.Errorf("--since: must be 2026-01-31, 2026-01-31T12:00:00Z, 24h or 7d (got %q)", text)
}

func (w *exportWord) Run(g *globals) error {
	cfg, _, err := g.load()
	if err != nil {
		return err
	}
	embedded := cfg.ClickHouse.Addr == ""
	cfg.stores()
	server, err := newHTTPStore(cfg.ClickHouse, w.HTTP)
	if err != nil {
		return err
	}
	if embedded && w.HTTP == "" {
		server.url.Host = cfg.Embedded.ClickHouseHTTPListen
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return w.export(ctx, server, g.stdout, g.stderr)
}

// export streams to standard output, or to a file that appears under its name when it is whole.
func (w *exportWord) export(ctx context.Context, server *httpStore, stdout, stderr io.Writer) error {
	query, params := w.query(time.Now())
	meter := newExportMeter(w.Table, server, stderr)
	meter.safe = w.Safe
	if w.Out == "" {
		return meter.run(ctx, stdout, query, params)
	}
	// What is in there are people's names and addresses: its owner's alone.
	part, err := os.OpenFile(w.Out+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	err = meter.run(ctx, part, query, params)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), w.Out)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}

// query is the SELECT and its parameters. Two columns need care: properties are JSON, for which Parquet and CSV have no type;
// record is protobuf, which is not text.
func (w *exportWord) query(now time.Time) (string, map[string]string) {
	columns, from, where, params := "*", w.Table, "1", map[string]string{}
	switch {
	case w.Format != "ndjson" && (w.Table == "events" || w.Table == "market_signals"):
		columns = "* REPLACE (toJSONString(properties) AS properties)"
	case w.Table == "lead_state":
		columns = "* REPLACE (base64Encode(record) AS record)"
	}
	if isTable[w.Table] {
		from += " FINAL"
	}
	if w.Since != "" {
		at, _ := sinceWhen(w.Since, now) // Validate has read it
		where += " AND " + exported[w.Table] + " >= {since:DateTime64(3, 'UTC')}"
		params["since"] = at.UTC().Format("2006-01-02 15:04:05.000")
	}
	if w.Site != "" {
		where += " AND site = {site:String}"
		params["site"] = w.Site
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s FORMAT %s", columns, from, where, exportFormats[w.Format]), params
}

// usualHTTP is the HTTP port beside the native one.
func usualHTTP(addr string, secure bool) (scheme, host string) {
	name, _, err := net.SplitHostPort(addr)
	if err != nil {
		name = addr
	}
	if secure {
		return "https", net.JoinHostPort(name, "8443")
	}
	return "http", net.JoinHostPort(name, "8123")
}
