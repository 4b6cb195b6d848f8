package sink

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
)

// oldRows are rows as the first release wrote them: its columns, by name. They are never changed; a table that comes
// later gets its own line.
var oldRows = map[string]string{
	"events": `(site, lead_id, event_id, event_time, received_at, type, channel, properties, engaged_ms, kafka_offset)
		SELECT 'demo', generateUUIDv4(number), toString(number), toDateTime64('2026-01-01', 3, 'UTC') + number * 86400, toDateTime64('2026-01-01', 3, 'UTC') + number * 86400, 'page', 'search', '{"plan":"team","seats":3}', number, number FROM numbers(100)`,
	"ledger": `(site, track, lead_id, day, rule, event_id, reason, counted, event_time, received_at, rule_group, points, rule_limit, unit_key, units, group_cap)
		SELECT 'demo', 'main', generateUUIDv4(number), '2026-01-01', 'pricing', toString(number), 'ok', true, '2026-01-01', '2026-01-01', 'web', 5, 3, number, 1, 60 FROM numbers(100)`,
	"stage_log": `(site, track, lead_id, entry_no, at, from_stage, to_stage, direction, criteria, amount)
		SELECT 'demo', 'main', toUUID('00000000-0000-0000-0000-000000000001'), number + 1, toDateTime64('2026-01-01', 3, 'UTC') + number * 86400, '', 'stage' || toString(number), 'promote', ['a', 'b'], number FROM numbers(5)`,
	"lead_state": `(site, track, lead_id, revision, stage, bands, term_value, term_group, term_anchor, term_half_life, term_rule, term_interest, record)
		SELECT 'demo', 'main', generateUUIDv4(number), number, 'aware', [75, 50, 25], [9.5], ['web'], ['2026-01-01'], [0], ['pricing'], [''], 'bytes' FROM numbers(50)`,
	"identities":     `(site, anonymous_id, user_id, event_id, at) SELECT 'demo', toString(number), 'u', toString(number), '2026-01-01' FROM numbers(20)`,
	"deals":          `(site, deal_id, event_id, at, stage, amount) SELECT 'demo', toString(number), toString(number), '2026-01-01', 'won', number FROM numbers(20)`,
	"market_signals": `(site, account, event_id, at, kind, properties) SELECT 'demo', 'acme', toString(number), '2026-01-01', 'funding', '{"round":"A"}' FROM numbers(20)`,
	"forecasts":      `(site, track, made_at, stage, horizon_days, wins_mean) SELECT 'demo', 'main', '2026-01-01', 's' || toString(number), 30, number FROM numbers(20)`,
	"handovers":      `(site, track, entry_no, token, step, at, team) SELECT 'demo', 'main', 1, number, 'routed', '2026-01-01', 'north' FROM numbers(20)`,
	"erasures":       `(site, request_id, store, finished_at, removed) SELECT 'demo', 'r1', toString(number), '2026-01-01', number FROM numbers(20)`,
	"erased_leads":   `(site, lead_digest, request_id, until) SELECT 'demo', SHA256(toString(number)), 'r1', '2026-01-01' FROM numbers(20)`,
	"models":         `(track, version, publication, text, kept_at) SELECT 'main', toString(number), number, 'version: 1', '2026-01-01' FROM numbers(5)`,
	"ledger_folded":  `(site, track, lead_id, rule, through, value) SELECT 'demo', 'main', generateUUIDv4(number), 'pricing', '2025-01-01', number FROM numbers(20)`,
	"ledger_horizon": `(site, through) VALUES ('demo', '2025-01-01')`,
}

// release is the schema as of its first n files.
func release(t *testing.T, n int) (files fstest.MapFS, all int) {
	t.Helper()
	files = fstest.MapFS{}
	names, err := fs.Glob(schemas.Tables(), "*.sql")
	require.NoError(t, err)
	slices.Sort(names)
	for _, name := range names[:n] {
		text, err := fs.ReadFile(schemas.Tables(), name)
		require.NoError(t, err)
		files[name] = &fstest.MapFile{Data: text}
	}
	return files, len(names)
}

// content is what the given columns of a table say, each row once: a migration may write a row again.
func (r *rig) content(table, columns string) string {
	r.Helper()
	if r.value("SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine LIKE 'Replacing%' AND name = ?", table) == "1" {
		table += " FINAL"
	}
	return r.value(fmt.Sprintf("SELECT (count(), sum(cityHash64(formatRow('JSONEachRow', *)))) FROM (SELECT %s FROM %s)", columns, table))
}

// Promise 8: whatever release wrote the tables, this one opens them with every row, also when it was killed in the middle. One
// database goes through all of them: each release writes to every table it has, as a site of its own, and the next one
// finds all rows again, also when it was killed before it could note what it had done.
func TestTablesOfEveryEarlierReleaseOpen(t *testing.T) {
	r := &rig{T: t, server: clickhouse.DefaultConfig()}
	r.server.Addr = embeddedtest.ClickHouse(t)
	var err error
	r.conn, err = clickhouse.Open(t.Context(), r.server)
	require.NoError(t, err)
	defer r.conn.Close()
	columns, before := map[string]string{}, map[string]string{}
	_, all := release(t, 0)
	for version := 1; version <= all; version++ {
		files, _ := release(t, version)
		for range 2 {
			applied, err := clickhouse.Migrate(t.Context(), r.conn, files, clickhouse.MigrateOptions{})
			require.NoError(t, err)
			require.Len(t, applied, 1, "release %d", version)
			r.requireContent(before, columns)
			r.exec("DELETE FROM schema_migrations WHERE version = ?", version)
		}
		_, err := clickhouse.Migrate(t.Context(), r.conn, files, clickhouse.MigrateOptions{})
		require.NoError(t, err)
		own := strings.NewReplacer("'demo'", fmt.Sprintf("'site%d'", version), "'main'", fmt.Sprintf("'track%d'", version))
		for _, table := range r.names("tables") {
			require.Contains(t, oldRows, table, "old rows for a new table")
			r.exec("INSERT INTO " + table + " " + own.Replace(oldRows[table]))
			columns[table] = r.value("SELECT arrayStringConcat(groupArray(name), ', ') FROM system.columns WHERE database = currentDatabase() AND table = ?", table)
			before[table] = r.content(table, columns[table])
		}
	}
	// All that the first release did not note runs again, over tables that are newer.
	r.exec("DELETE FROM schema_migrations WHERE version > 1")
	_, err = clickhouse.Migrate(t.Context(), r.conn, schemas.Tables(), clickhouse.MigrateOptions{})
	require.NoError(t, err)
	r.requireContent(before, columns)
	require.Equal(t, "0", r.value("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%tmp%'"))
	require.Equal(t, "0", r.value("SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine = 'MergeTree'"), "an old table is as forgiving as a new one")
	for _, view := range r.names("views") {
		r.value("SELECT count() FROM " + view + parameters[view])
	}
}

func (r *rig) requireContent(before, columns map[string]string) {
	r.Helper()
	for table, want := range before {
		require.Equal(r, want, r.content(table, columns[table]), table)
	}
}
