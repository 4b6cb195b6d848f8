package leads

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inventedLeads are leads as a year leaves them: most are cold, seen 45 days ago on average, some are hot.
const inventedLeads = `INSERT INTO lead_state (site, track, lead_id, revision, anonymous_id, fit, stage, last_seen, term_rule, term_group, term_interest, term_value, term_anchor, term_half_life,
	group_name, group_cap, group_floor, bands, record, traits)
WITH (cityHash64(number, 2) %% 1000000) / 1000000 AS u, (cityHash64(number, 3) %% 1000000) / 1000000 AS v, 1 + cityHash64(number, 1) %% 10 AS n,
	now64(3) - toIntervalSecond(toUInt32(least(-ln(1 - v) * 45, 400) * 86400)) AS seen, arrayMap(i -> cityHash64(number, i) %% 24, range(n)) AS r
SELECT ['demo', 'shop', 'eu', 'us'][1 + (number %% 10 > 5) + (number %% 10 > 7) + (number %% 10 > 8)], 'main', generateUUIDv4(number), 1, toString(number), ['A', 'B', 'C', '?', 'X'][1 + number %% 5],
	['visitor', 'visitor', 'aware', 'interest', 'intent', 'won', 'lost'][1 + cityHash64(number) %% 7], seen, arrayMap(x -> concat('rule', toString(x)), r),
	arrayMap(x -> ['browse', 'content', 'intent', 'social', 'account', 'against'][1 + x %% 6], r), arrayMap(x -> '', r), arrayMap(x -> if(x %% 6 = 5, -20., (2 + x) * (0.1 + 2 * pow(u, 6))), r),
	arrayMap(x -> toDateTime64(toStartOfDay(seen) + 86400 - 86400 * (x %% 5), 3, 'UTC'), r), arrayMap(x -> [7., 14, 30, 60][1 + x %% 4], r),
	['browse', 'content', 'intent', 'social', 'account', 'against'], [25., 40, 80, 20, 20, 0], [0., 0, 0, 0, -20, -100], [75., 50, 25], randomString(300), '{"plan":"team"}'
FROM numbers(%d, %d) SETTINGS max_block_size = 16384`

// BenchmarkHotList asks for the hundred hottest of LEADS leads (200,000): as the API asks, by adding up all, and the view
// hot_leads (the hottest hundred of each of four sites). First as they were loaded, in parts of 200,000 that the server is still
// merging, then as one part: each candidate costs a granule of every part.
func BenchmarkHotList(b *testing.B) {
	db := benchTables(b)
	leads := told("LEADS", 200_000)
	const each = 200_000 // the test server's memory bounds an insert
	for from := 0; from < leads; from += each {
		require.NoError(b, db.Exec(b.Context(), fmt.Sprintf(inventedLeads, from, min(each, leads-from))))
	}
	p := listParams{Sort: "score", Limit: 100, AsOf: time.Now().UTC(), WithoutExcluded: true, WithoutClosed: true}
	queries := map[string]func(int) (string, []any){
		"bounded": func(int) (string, []any) { return listQuery{p}.sql() },
		"whole":   func(int) (string, []any) { return wholeQuery(p) },
		"view":    func(int) (string, []any) { return "SELECT site, lead_id, score, grade FROM hot_leads", nil },
	}
	ask := func(state string) {
		for _, name := range []string{"bounded", "whole", "view"} {
			b.Run(name+"/"+state, func(b *testing.B) { timed(b, db, queries[name]) })
		}
	}
	ask("loaded")
	require.NoError(b, db.Exec(b.Context(), "OPTIMIZE TABLE lead_state FINAL"))
	ask("merged")
}
