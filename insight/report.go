package insight

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Reports are the names that Report knows, and Formats the ways it can print them.
var (
	Reports = []string{"funnel", "forecast"}
	Formats = []string{"table", "json", "csv"}
)

// Report answers `leadstream report NAME --format FORMAT`. A forecast that was printed is stored.
func Report(ctx context.Context, db driver.Conn, name string, scope Scope, format string, w io.Writer) error {
	if !slices.Contains(Reports, name) {
		return fmt.Errorf("report %q is not known: choose one of %s", name, strings.Join(Reports, ", "))
	}
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("format %q is not known: choose one of %s", format, strings.Join(Formats, ", "))
	}
	counts, err := Counts(ctx, db, scope)
	if err != nil {
		return err
	}
	if name == "funnel" {
		return NewFunnel(scope, counts).write(w, format)
	}
	deals, err := WonDeals(ctx, db, scope)
	if err != nil {
		return err
	}
	forecast := NewForecast(scope, counts, deals)
	if err := forecast.write(w, format); err != nil {
		return err
	}
	return Store(ctx, db, forecast)
}

func (f Funnel) write(w io.Writer, format string) error {
	switch format {
	case "json":
		return writeJSON(w, f)
	case "csv":
		return writeCSV(w, f.records())
	}
	return f.table(w)
}

func (f Forecast) write(w io.Writer, format string) error {
	switch format {
	case "json":
		return writeJSON(w, f)
	case "csv":
		return writeCSV(w, f.records())
	}
	return f.table(w)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func writeCSV(w io.Writer, records [][]string) error {
	out := csv.NewWriter(w)
	if err := out.WriteAll(records); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return nil
}
