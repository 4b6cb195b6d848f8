package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
)

// shop is a database with the tables, and the flags by which `export` finds it.
type shop struct {
	clickhouse.Conn
	*testing.T
	flags []string
	http  *httpStore
}

func newShop(t *testing.T) *shop {
	t.Helper()
	cfg := clickhouse.DefaultConfig()
	cfg.Addr = embeddedtest.ClickHouse(t)
	conn, err := clickhouse.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = clickhouse.Migrate(t.Context(), conn, schemas.Tables(), clickhouse.MigrateOptions{})
	require.NoError(t, err)
	at := "http://" + embeddedtest.Server(t).HTTPAddr()
	server, err := newHTTPStore(cfg, at)
	require.NoError(t, err)
	return &shop{conn, t, []string{"--set", "clickhouse.addr=" + cfg.Addr, "--http", at}, server}
}

func (s *shop) exec(sql string) {
	s.Helper()
	require.NoError(s, s.Exec(s.Context(), sql), sql)
}

func (s *shop) export(words ...string) (status int, stdout, stderr string) {
	s.Helper()
	return runWords(s, append(append([]string{"export"}, words...), s.flags...)...)
}

// events puts n events, one a minute, in two sites, each twice.
func (s *shop) events(n int) {
	s.Helper()
	for range 2 {
		s.exec(fmt.Sprintf(`INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, name, properties)
			SELECT if(number %% 4 = 0, 'other', 'demo'), toUUID('00000000-0000-0000-0000-000000000001'), toString(number), toDateTime64('2026-03-01', 3, 'UTC') + 60 * number,
				toDateTime64('2026-03-01', 3, 'UTC') + 60 * number, 'page', 'a "b", 定价', '{"plan":"team","seats":3}' FROM numbers(%d)`, n))
	}
}

func TestExportWritesEveryRowOnceInEveryFormat(t *testing.T) {
	s := newShop(t)
	s.events(200)
	status, out, errs := s.export("events")
	require.Zero(t, status, errs)
	require.Contains(t, errs, "events: done, 0.")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 200)
	var event struct {
		Name       string
		Properties struct{ Plan string }
	}
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &event))
	require.Equal(t, "a \"b\", 定价", event.Name)
	require.Equal(t, "team", event.Properties.Plan)

	file := filepath.Join(t.TempDir(), "events.csv")
	status, out, errs = s.export("events", "--format", "csv", "--out", file, "--site", "demo", "--since", "2026-03-01T01:40:00Z")
	require.Zero(t, status, errs)
	require.Empty(t, out)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 1+75, "a header, and three quarters of the last hundred minutes")
	require.JSONEq(t, `{"plan":"team","seats":3}`, records[1][slices.Index(records[0], "properties")])
	require.NoFileExists(t, file+".part")
}

// What Parquet carries out goes in again, into a table of the same columns, and says the same.
func TestExportedParquetGoesInAgain(t *testing.T) {
	s := newShop(t)
	s.events(50)
	s.exec("INSERT INTO lead_state (site, track, lead_id, revision, record, term_value, term_group, term_anchor, term_half_life, received_at) SELECT 'demo', 'main', generateUUIDv4(number), 1, unhex('ff00'), [1.5, 2], ['a', ''], [now64(3), now64(3)], [0, 7], now64(3) FROM numbers(20)")
	for _, table := range []string{"events", "lead_state"} {
		file := filepath.Join(t.TempDir(), table+".parquet")
		status, _, errs := s.export(table, "--format", "parquet", "-o", file)
		require.Zero(t, status, errs)
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "PAR1", string(body[:4]))
		s.exec("CREATE TABLE again_" + table + " AS " + table)
		answer, err := http.Post(s.http.url.String()+"?database="+s.http.database+"&query="+url.QueryEscape("INSERT INTO again_"+table+" FORMAT Parquet"), "", bytes.NewReader(body))
		require.NoError(t, err)
		said, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode, "%s", said)
	}
	var same bool
	require.NoError(t, s.QueryRow(t.Context(), `SELECT (SELECT (count(), sum(cityHash64(event_id, event_time, lead_id, toJSONString(properties)))) FROM again_events FINAL)
		= (SELECT (count(), sum(cityHash64(event_id, event_time, lead_id, toJSONString(properties)))) FROM events FINAL)`).Scan(&same))
	require.True(t, same)
	var records string
	require.NoError(t, s.QueryRow(t.Context(), "SELECT toString((count(), groupUniqArray(hex(base64Decode(record))))) FROM again_lead_state FINAL").Scan(&records))
	require.Equal(t, "(20,['FF00'])", records)
}

// A table or view that a migration adds must be added to the word, and each must leave in every format.
func TestExportKnowsEveryTableAndView(t *testing.T) {
	s := newShop(t)
	rows, err := s.Query(t.Context(), "SELECT name, engine = 'View' FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations' AND engine != 'Dictionary' AND create_table_query NOT LIKE '%{at:%' AND create_table_query NOT LIKE '%{site:%'")
	require.NoError(t, err)
	defer rows.Close()
	found := map[string]bool{}
	for rows.Next() {
		var name string
		var view bool
		require.NoError(t, rows.Scan(&name, &view))
		require.Contains(t, exported, name)
		require.Equal(t, !view, isTable[name], name)
		found[name] = true
	}
	for name, column := range exported {
		require.True(t, found[name], name)
		for format := range exportFormats {
			words := []string{name, "--format", format}
			if column != "" {
				words = append(words, "--since", "7d", "--site", "demo")
			}
			status, _, errs := s.export(words...)
			require.Zero(t, status, "%s %s: %s", name, format, errs)
		}
	}
}

func TestExportSaysWhatItDidNotUnderstand(t *testing.T) {
	for want, words := range map[string][]string{
		`"nonsense" is no table or view to export; there are accounts`: {"nonsense"},
		`"events; DROP TABLE events" is no table`:                      {"events; DROP TABLE events"},
		"rows of leaks have no time of their own":                      {"leaks", "--since", "7d"},
		"--since: must be 2026-01-31":                                  {"events", "--since", "yesterday"},
		"--since: must be":                                             {"events", "--since=-3d"},
		"must be one of":                                               {"events", "--format", "xml"},
	} {
		status, out, errs := runWords(t, append([]string{"export"}, words...)...)
		require.Equal(t, 2, status, words)
		require.Contains(t, errs, want)
		require.Empty(t, out)
	}
	status, out, _ := runWords(t, "export", "--help")
	require.Zero(t, status)
	require.Contains(t, out, "leadstream export events --since 7d --format parquet --out events.parquet")
	status, _, errs := runWords(t, "export", "events", "--http", "http://"+freeAddrs(t, 1)[0])
	require.Equal(t, 1, status)
	require.Contains(t, errs, "name it with --http")
}

// A server that fails in the middle must not leave a file that looks whole.
func TestABrokenExportLeavesNoFile(t *testing.T) {
	s := newShop(t)
	s.exec("CREATE OR REPLACE VIEW leads AS SELECT number, throwIf(number = 3000000) AS received_at FROM numbers(5000000)")
	file := filepath.Join(t.TempDir(), "leads.ndjson")
	status, _, errs := s.export("leads", "--out", file)
	require.Equal(t, 1, status, errs)
	require.Contains(t, errs, "export: leads broke off after")
	require.NoFileExists(t, file)
	require.NoFileExists(t, file+".part")
	status, _, errs = s.export("leads")
	require.Equal(t, 1, status, errs)
}

func TestAnInterruptedExportEnds(t *testing.T) {
	s := newShop(t)
	s.exec("CREATE OR REPLACE VIEW leads AS SELECT sleepEachRow(1) AS received_at FROM system.numbers SETTINGS max_block_size = 1")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs lockedBuffer
	ended := make(chan error, 1)
	go func() {
		w := exportWord{Table: "leads", Format: "ndjson"}
		ended <- w.export(ctx, s.http, &out, &errs)
	}()
	running := func() (n uint64) {
		require.NoError(t, s.QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE 'SELECT * FROM leads WHERE%' AND current_database = currentDatabase()").Scan(&n))
		return n
	}
	require.Eventually(t, func() bool { return strings.Contains(errs.String(), "leads: ") && running() == 1 }, time.Minute, 50*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Eventually(t, func() bool { return running() == 0 }, time.Minute, 100*time.Millisecond, "the server must not go on for nobody")
	require.Regexp(t, `^leads: \d+\.\d MiB`, errs.String(), "progress, while it lasted")
}

// On a running house the word finds everything by the house's own flags, and an analyst may read all that can be exported.
func TestExportFromARunningHouse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t)
	require.Equal(t, http.StatusOK, h.post(t.Context(), "/v1/events?key=demo", `{"events":[`+pageEvent("e1", "ann", "/pricing", time.Now())+`]}`))
	require.Eventually(t, func() bool {
		status, out, _ := runWords(t, append([]string{"export", "events", "--since", "1h"}, h.flags()...)...)
		return status == 0 && strings.Contains(out, `"event_id":"e1"`)
	}, time.Minute, 200*time.Millisecond)
	status, out, errs := runWords(t, append([]string{"export", "stage_visits", "--format", "csv"}, h.flags()...)...)
	require.Zero(t, status, errs)
	require.Contains(t, out, `"visitor"`)
	for name := range exported {
		answer, err := http.Post(h.url("clickhouse-http-listen", "/?database=leadstream&user=analyst"), "", strings.NewReader("SELECT * FROM "+name+" FORMAT Null"))
		require.NoError(t, err)
		said, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %s", name, said)
	}
	require.Zero(t, h.stop())
}

// A spreadsheet runs what begins like a formula; a visitor chooses its name.
func TestExportForASpreadsheetIsHarmless(t *testing.T) {
	s := newShop(t)
	s.exec(`INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, name, title, engaged_ms) VALUES
		('demo', toUUID('00000000-0000-0000-0000-000000000001'), '1', now64(3), now64(3), 'page', '=HYPERLINK("http://evil")', '-5', 7)`)
	file := filepath.Join(t.TempDir(), "events.csv")
	status, _, errs := s.export("events", "--format", "csv", "--csv-safe", "--out", file)
	require.Zero(t, status, errs)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 2)
	cell := func(name string) string { return records[1][slices.Index(records[0], name)] }
	require.Equal(t, `'=HYPERLINK("http://evil")`, cell("name"))
	require.Equal(t, "-5", cell("title"), "a number is no formula")
	require.Equal(t, "7", cell("engaged_ms"))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "its owner's alone")
	status, _, errs = s.export("events", "--csv-safe")
	require.Equal(t, 2, status)
	require.Contains(t, errs, "--csv-safe: is for --format csv")
}

// The request carries a password, and goes nowhere but where the config says, by the trust that the config says.
func TestExportFollowsNoRedirectAndTrustsWhatTheConfigTrusts(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewTLSServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	cfg := clickhouse.DefaultConfig()
	cfg.Addr = "clickhouse://bob:secret@localhost:9440/db?secure=true&skip_verify=true"
	store, err := newHTTPStore(cfg, server.URL)
	require.NoError(t, err)
	_, err = store.get(t.Context(), "SELECT 1", "id", nil)
	require.ErrorContains(t, err, "which is not followed")

	cfg.Addr = "clickhouse://bob:secret@localhost:9440/db?secure=true"
	strict, err := newHTTPStore(cfg, server.URL)
	require.NoError(t, err)
	_, err = strict.get(t.Context(), "SELECT 1", "id", nil)
	require.ErrorContains(t, err, "certificate")
}
