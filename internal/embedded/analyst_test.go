package embedded

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An agency sees its own sites in every table and view, within its bounds, and changes nothing.
func TestAnAgencySeesItsOwnSites(t *testing.T) {
	cfg := testConfig(t)
	cfg.Database = "leadstream"
	cfg.Analysts = []Analyst{
		{Name: "agency", Readable: []string{"events", "sums", "per"}, Filtered: []string{"events"}, Filter: "site IN ('a', 'b')",
			Memory: 100 << 20, QuerySeconds: 5, QueriesPerHour: 100, SecondsPerHour: 60, Concurrent: 2},
		{Name: "house", Readable: []string{"*"}, Memory: 200 << 20, QuerySeconds: 60, QueriesPerHour: 10, SecondsPerHour: 60, Concurrent: 2},
		{Name: "locked", PasswordSHA256: strings.Repeat("0a", 32), Readable: []string{"*"}, Memory: 1 << 20, QuerySeconds: 60, QueriesPerHour: 10, SecondsPerHour: 60, Concurrent: 2},
	}
	server := startTest(t, cfg)
	for _, sql := range []string{
		"CREATE DATABASE leadstream",
		"CREATE TABLE leadstream.events (site String, n UInt64) ENGINE = MergeTree ORDER BY site",
		"CREATE TABLE leadstream.plain (n UInt64) ENGINE = MergeTree ORDER BY n",
		"CREATE VIEW leadstream.sums AS SELECT site, sum(n) AS n FROM leadstream.events GROUP BY site",
		"CREATE VIEW leadstream.per AS SELECT * FROM leadstream.events WHERE n >= {least:UInt64}",
		"INSERT INTO leadstream.events SELECT ['a', 'b', 'c'][1 + number % 3], number FROM numbers(30)",
	} {
		ask(t, server, sql)
	}
	as := func(user, sql string) string {
		t.Helper()
		out, err := server.queryAs(t.Context(), user, sql)
		require.NoError(t, err, sql)
		return strings.TrimSpace(out)
	}
	require.Equal(t, "20", as("agency", "SELECT count() FROM leadstream.events"))
	require.Equal(t, "['a','b']", as("agency", "SELECT arraySort(groupUniqArray(site)) FROM leadstream.sums"))
	require.Equal(t, "20", as("agency", "SELECT count() FROM leadstream.per(least = 0)"))
	require.Equal(t, "0", as("agency", "SELECT count() FROM leadstream.events WHERE site = 'c'"))
	require.Equal(t, "30", as("house", "SELECT count() FROM leadstream.events"))
	require.Equal(t, "30", ask(t, server, "SELECT count() FROM leadstream.events"), "a policy for one is none for the others")
	require.Equal(t, "30", as("analyst", "SELECT count() FROM leadstream.events"))
	for _, sql := range []string{
		"SELECT * FROM leadstream.plain", "INSERT INTO leadstream.events VALUES ('a', 1)", "DROP TABLE leadstream.events",
		"SELECT 1 SETTINGS max_memory_usage = 10000000000", "SELECT 1 SETTINGS max_execution_time = 100", "SELECT 1 SETTINGS max_concurrent_queries_for_user = 100",
		"SELECT sum(cityHash64(number)) FROM numbers(100) GROUP BY number SETTINGS readonly = 0", "CREATE USER x", "SELECT * FROM merge('leadstream', 'plain')",
		"SELECT uniqExact(number) FROM numbers(100000000)", // more than its memory
	} {
		_, err := server.queryAs(t.Context(), "agency", sql)
		require.Error(t, err, sql)
	}
	_, err := server.queryAs(t.Context(), "locked", "SELECT 1")
	require.Error(t, err, "without its password")
	var refused error
	for range 12 {
		_, refused = server.queryAs(t.Context(), "house", "SELECT count() FROM leadstream.plain") // one without a table is free
	}
	require.ErrorContains(t, refused, "uota")
}
