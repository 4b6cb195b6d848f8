package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/cmd/leadstream/importer"
)

const importMap = `site: demo
time: {column: at, format: "2006-01-02 15:04:05", zone: UTC}
columns: {type: kind, anonymous_id: visitor, url: url, properties.row: row}
skip: row.visitor == "nobody"
`

// history is a CSV file of n rows of 40 visitors in the order of time, and behind them one row of each kind of fault.
func historyFile(t *testing.T, dir string, n int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("at,kind,visitor,url,row\n")
	at := time.Date(2025, 3, 3, 8, 0, 0, 0, time.UTC)
	for i := range n {
		fmt.Fprintf(&text, "%s,page,old-%d,https://shop.example/pricing,%d\n", at.Add(time.Duration(i)*3*time.Minute).Format(time.DateTime), i%40, i)
	}
	text.WriteString("2025-04-01 08:00:00,dance,old-1,,x\n" + // refused by the collectors
		"yesterday,page,old-1,,x\n" + // by the map
		"short\n" + // by the file's own form
		"2025-04-01 08:00:00,page,nobody,,x\n")
	file := filepath.Join(dir, "history.csv")
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	return file
}

func importState(t *testing.T, h *house) (s importer.State) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dataDir, "import", "*.json"))
	require.NoError(t, err)
	if len(files) == 0 {
		return s
	}
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s))
	return s
}

// TestAnImportGoesOnAndChangesNothingTwice: kill -9 in the middle, then on; a second run from the first row leaves every score and
// every answer of the tables as they were; and the history counts as if it had been live.
func TestAnImportGoesOnAndChangesNothingTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.up(t)
	dir := t.TempDir()
	const rows = 10_000
	file, mapFile := historyFile(t, dir, rows), filepath.Join(dir, "map.yml")
	require.NoError(t, os.WriteFile(mapFile, []byte(importMap), 0o600))
	words := append([]string{"import", file, "--map", mapFile}, h.flags()...)

	status, out, errs := runWords(t, append(words, "--dry-run", "-n", "2")...)
	require.Zero(t, status, errs)
	require.Equal(t, 2, strings.Count(out, `"site":"demo"`), out)
	require.Contains(t, out, `"path":"/pricing"`)
	require.Contains(t, out, `properties={"row":"0"}`)
	require.Equal(t, "0", h.query(t, "default", "SELECT count() FROM events"))

	first := start(t, words...)
	require.Eventually(t, func() bool { return importState(t, h).Rows > 0 }, time.Minute, time.Millisecond)
	first.kill()
	before := importState(t, h)
	require.False(t, before.Done, "the kill came in the middle")
	status, out, errs = runWords(t, words...)
	require.Zero(t, status, errs)
	require.Contains(t, out, fmt.Sprintf("going on after row %d", before.Rows))
	require.Contains(t, out, fmt.Sprintf("%d rows: %d accepted, 1 passed over, 3 refused", rows+4, rows))
	for _, want := range []string{":10002: unknown_type", `:10003: bad_row: at: "yesterday"`, ":10004: bad_row: 1 values for 5 columns"} {
		require.Contains(t, out, want)
	}
	refused, err := os.ReadFile(importer.RefusedFile(filepath.Join(h.dataDir, "import"), file))
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(refused), "\n"))
	require.Eventually(t, func() bool { // a letter that went through the spool comes a moment after its answer
		letters := h.letterCounts(t, "--reason", "unknown_type")
		return len(letters) == 1 && letters[0].Count == 1
	}, time.Minute, 100*time.Millisecond)

	answers := h.afterHistory(t, 1)
	require.Contains(t, answers, fmt.Sprintf("events %d", rows))
	require.NotContains(t, answers, "late", "received_at is the time of the event")
	_, out, _ = runWords(t, words...)
	require.Contains(t, out, "was imported already")
	status, out, errs = runWords(t, append(words, "--restart")...)
	require.Zero(t, status, errs)
	require.Contains(t, out, fmt.Sprintf("%d accepted", rows))
	require.Equal(t, answers, h.afterHistory(t, 2))

	status, _, errs = runWords(t, append(words, "--restart", "--patience", "1ms", "--url", "http://127.0.0.1:1")...)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "goes on where it was")
	require.Zero(t, h.stop())
}

// afterHistory waits until a live event of each visitor, sent now, has been scored and stored, and with it all before; then it asks
// for what the history made.
func (h *house) afterHistory(t *testing.T, round int) string {
	t.Helper()
	for i := range 40 {
		body := fmt.Sprintf(`{"type":"page","event_id":"live-%d-%d","anonymous_id":"old-%d","url":"https://shop.example/pricing"}`, round, i, i)
		require.Equal(t, 200, h.post(t.Context(), "/v1/events?key=demo", body))
	}
	live := fmt.Sprintf("event_id LIKE 'live-%d-%%'", round)
	require.Eventually(t, func() bool {
		return h.query(t, "default", "SELECT uniqExact(event_id) FROM events WHERE "+live) == "40" &&
			h.query(t, "default", "SELECT uniqExact(event_id) FROM ledger WHERE "+live) == "40" &&
			h.query(t, "default", "SELECT uniqExact(event_id) FROM events WHERE event_id LIKE 'import-%'") == "10000" &&
			h.query(t, "default", "SELECT uniqExact(event_id) FROM ledger WHERE event_id LIKE 'import-%' AND reason IN ('ok', 'cap')") == "10000"
	}, time.Minute, 100*time.Millisecond, "each row counts as of its day")
	return "events " + h.query(t, "default", "SELECT count() FROM events FINAL WHERE event_id LIKE 'import-%'") + "\n" +
		h.query(t, "default", "SELECT reason, uniqExact(event_id) FROM ledger WHERE event_id LIKE 'import-%' AND reason NOT IN ('dup', 'straggler') GROUP BY reason ORDER BY reason") + "\n" +
		h.query(t, "default", "SELECT lead_id, score FROM lead_score_at(at = toDateTime64('2025-03-20 00:00:00', 3)) ORDER BY lead_id")
}

func TestAnImportNeedsTheRightToTheTime(t *testing.T) {
	dir := t.TempDir()
	file, mapFile, cfg := historyFile(t, dir, 1), filepath.Join(dir, "map.yml"), filepath.Join(dir, "leadstream.yml")
	require.NoError(t, os.WriteFile(mapFile, []byte(importMap), 0o600))
	for site, want := range map[string]string{
		"{name: demo, write_keys: [k]}":                                "needs history: true",
		"{name: demo, write_keys: [k], history: true}":                 "needs a secret key",
		"{name: shop, secret_keys: [0123456789abcdef], history: true}": `"demo" is none of ingest.sites`,
	} {
		require.NoError(t, os.WriteFile(cfg, []byte("ingest:\n  sites:\n    - "+site+"\n"), 0o600))
		status, _, errs := runWords(t, "import", file, "--map", mapFile, "--config", cfg)
		require.Equal(t, 1, status)
		require.Contains(t, errs, want)
	}
}
