package sink

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded/embeddedtest"
)

// What a month of one site's events by time would like, which are in the order of leads; %s stands where FINAL may.
const (
	inventedForProjection = `INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, path, channel)
		SELECT 'demo', generateUUIDv4(number % 50000), toString(number), at, at, ['page', 'dwell', 'click'][1 + number % 3], '/p' || toString(number % 100), 'search'
		FROM (SELECT number, toDateTime64('2026-01-01', 3, 'UTC') + cityHash64(number) % 2500000 AS at FROM numbers(1000000))`
	byTime   = "ALTER TABLE events ADD PROJECTION by_time (SELECT site, event_time, lead_id, event_id, type, path ORDER BY site, event_time)"
	sixHours = `SELECT type, uniqExact(event_id) FROM events %s
		WHERE site = 'demo' AND event_time >= '2026-01-20' AND event_time < '2026-01-20 06:00:00' GROUP BY type`
)

// BenchmarkProjection weighs what a projection of events by time costs, in bytes and in an insert's time, against what it gives its
// query: with FINAL, as every view asks, and without. A million rows, merged into one part.
func BenchmarkProjection(b *testing.B) {
	b.Run("none", func(b *testing.B) { weigh(b, false) })
	b.Run("by_time", func(b *testing.B) { weigh(b, true) })
}

func weigh(b *testing.B, with bool) {
	server := clickhouse.DefaultConfig()
	server.Addr = embeddedtest.ClickHouse(b)
	conn := migrated(b, server)
	exec := func(query string) { require.NoError(b, conn.Exec(b.Context(), query), query) }
	if with { // in the mode without which the server refuses one on a table that replaces rows
		exec("ALTER TABLE events MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild'")
		exec(byTime)
	}
	for range b.N {
		began := time.Now()
		exec(inventedForProjection)
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "insert-ms")
		exec("OPTIMIZE TABLE events FINAL")
		var bytes uint64
		require.NoError(b, conn.QueryRow(b.Context(), `SELECT sum(bytes_on_disk) FROM system.parts
			WHERE active AND database = currentDatabase() AND table = 'events'`).Scan(&bytes))
		b.ReportMetric(float64(bytes)/1e6, "B/row")
		b.ReportMetric(asked(b, conn, fmt.Sprintf(sixHours, "")), "query-ms")
		b.ReportMetric(asked(b, conn, fmt.Sprintf(sixHours, "FINAL")), "final-ms")
	}
	if with {
		forced := " SETTINGS force_optimize_projection = 1" // refuse to answer without it
		exec(fmt.Sprintf(sixHours, "") + forced)
		require.Error(b, conn.Exec(b.Context(), fmt.Sprintf(sixHours, "FINAL")+forced), "a server that uses projections under FINAL is news: weigh again")
	}
	b.ReportMetric(0, "ns/op")
}

// asked is how long an answer takes, in ms: the mean of ten.
func asked(b *testing.B, conn driver.Conn, query string) float64 {
	const times = 10
	began := time.Now()
	for range times {
		require.NoError(b, conn.Exec(b.Context(), query), query)
	}
	return float64(time.Since(began).Milliseconds()) / times
}
