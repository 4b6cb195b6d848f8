package leads

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	ours "leadstream/internal/clickhouse"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
)

// told is a size that a bench is told: EVENTS=100000000.
func told(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

func benchTables(b *testing.B) driver.Conn {
	section := ours.DefaultConfig()
	section.Addr = embeddedtest.ClickHouse(b)
	db, err := ours.Open(b.Context(), section)
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close() })
	_, err = ours.Migrate(b.Context(), db, schemas.Tables(), ours.MigrateOptions{})
	require.NoError(b, err)
	return db
}

// timed asks one query again and again, with other arguments each time, and reports how long it took and what the server read for it.
func timed(b *testing.B, db driver.Conn, query func(round int) (string, []any)) {
	var waits []time.Duration
	var read, rowsRead uint64
	for round := 0; b.Loop(); round++ {
		text, args := query(round)
		ctx := clickhouse.Context(b.Context(), clickhouse.WithProgress(func(p *clickhouse.Progress) {
			read, rowsRead = read+p.Bytes, rowsRead+p.Rows
		}))
		began := time.Now()
		rows, err := db.Query(ctx, text, args...)
		require.NoError(b, err)
		answers := 0
		for rows.Next() {
			answers++
		}
		require.NoError(b, rows.Err())
		require.Positive(b, answers, "an empty answer measures nothing:\n%s", text)
		waits = append(waits, time.Since(began))
	}
	slices.Sort(waits)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1e3, "p50-ms")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1e3, "p99-ms")
	b.ReportMetric(float64(read)/float64(len(waits))/1e6, "MB-read")
	b.ReportMetric(float64(rowsRead)/float64(len(waits)), "rows-read")
}

// inventedEvents are a month of traffic: a lead has a hundred events in the year, a visit is some pages, how long they were read, a click. One in
// twenty visits is of somebody on the way to a form.
const inventedEvents = `INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, name, anonymous_id, session_id, view_id, url, host, path, title, referrer_host, channel,
	utm_source, engaged_ms, scroll_pct, properties, ip, user_agent, country, device, browser, os, protocol, kafka_offset)
WITH number + %[1]d AS n, cityHash64(n) AS h, toUInt64(h %% %[2]d) AS who, cityHash64(h) %% 1000 AS dice,
	toDateTime64('2025-01-01', 3, 'UTC') + toIntervalMonth(%[3]d) + toIntervalMillisecond(cityHash64(n, 7) %% (27 * 86400000)) AS at,
	multiIf(dice < 620, 'page', dice < 860, 'dwell', dice < 960, 'click', dice < 985, 'form', 'track') AS kind,
	['/demo/product.html', '/demo/pricing.html', '/demo/contact.html', '/demo/', '/demo/blog/', '/demo/docs/install.html'][1 + h %% 6] AS page
SELECT 'demo', reinterpretAsUUID(sipHash128(who)), hex(h), at, at, kind, if(kind = 'track', 'Demo Requested', ''), hex(cityHash64(who)), hex(intDiv(h, 7) %% 100000000), hex(cityHash64(n, 1)),
	concat('https://example.com', page, '?utm_source=mail'), 'example.com', page, concat('About ', page), 'news.example.org', ['search', 'mail', 'direct', 'social'][1 + who %% 4],
	'mail', h %% 120000, h %% 101, if(kind = 'click', '{"kind":"outbound","plan":"team"}', '{}'), concat('203.0.113.', toString(who %% 256)),
	concat('Mozilla/5.0 (X11; Linux x86_64; rv:', toString(90 + who %% 60), '.0) Gecko/20100101'), ['DE', 'US', 'CN', 'FR', 'GB'][1 + who %% 5], 'desktop', 'Firefox', 'Linux', 'native', n
FROM numbers(%[4]d) SETTINGS max_insert_threads = 1, min_insert_block_size_rows = 500000`

const inventedMonths = 12

// invent fills events on the server, a month at a time, with a hundred events a lead.
func invent(b *testing.B, db driver.Conn, events int) (leads int) {
	leads = max(1, events/100)
	each := events / inventedMonths
	for month := range inventedMonths {
		require.NoError(b, db.Exec(b.Context(), fmt.Sprintf(inventedEvents, month*each, leads, month, each)))
	}
	var size, parts uint64
	require.NoError(b, db.QueryRow(b.Context(), "SELECT sum(bytes_on_disk), count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events'").Scan(&size, &parts))
	b.Logf("%d events in %d parts, %d MB on disk", events, parts, size/1e6)
	return leads
}

// BenchmarkTimeline asks for the newest hundred moments of one lead among EVENTS events (1,000,000), another lead each time; as the API asks.
func BenchmarkTimeline(b *testing.B) {
	db, events := benchTables(b), told("EVENTS", 1_000_000)
	leads := invent(b, db, events)
	ids := make([]string, 64)
	for i := range ids {
		require.NoError(b, db.QueryRow(b.Context(), fmt.Sprintf("SELECT toString(reinterpretAsUUID(sipHash128(toUInt64(%d))))", i*leads/len(ids))).Scan(&ids[i]))
	}
	b.Run("newest-100", func(b *testing.B) {
		timed(b, db, func(round int) (string, []any) {
			return timelineQuery{Site: "demo", Track: "main", Leads: ids[round%len(ids) : round%len(ids)+1], Limit: 100}.sql()
		})
	})
}

// BenchmarkFunnel asks the five steps of docs/sql.md over all of EVENTS events (1,000,000).
func BenchmarkFunnel(b *testing.B) {
	db := benchTables(b)
	invent(b, db, told("EVENTS", 1_000_000))
	query := documented(b, "How far they came, by their events")
	b.Run("five-steps", func(b *testing.B) {
		timed(b, db, func(int) (string, []any) { return query, nil })
	})
}

// documented is the query below a heading of docs/sql.md.
func documented(tb testing.TB, title string) string {
	tb.Helper()
	text, err := os.ReadFile("../docs/sql.md")
	require.NoError(tb, err)
	_, below, found := strings.Cut(string(text), "\n### "+title)
	require.True(tb, found, title)
	_, query, _ := strings.Cut(below, "\n```sql\n")
	query, _, _ = strings.Cut(query, "\n```")
	return query
}
