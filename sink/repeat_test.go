package sink

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// worldBegan is when the first of the world's leads is seen: long enough ago for leaks to judge it. Half an hour off
// the whole hours in which the world moves on, so that no window of a view ends while the test looks at it.
var worldBegan = time.Now().UTC().AddDate(0, 0, -70).Add(-30 * time.Minute).Truncate(time.Second)

func onDay(n int) string { return worldBegan.AddDate(0, 0, n).Format(time.DateTime) }

// parameters are what a view with parameters is asked with. A new one must be named here, or the tests below fail.
var parameters = map[string]string{
	"leads_at":      fmt.Sprintf("(at = '%s')", onDay(30)),
	"lead_score_at": fmt.Sprintf("(at = '%s')", onDay(30)),
	"accounts_at":   fmt.Sprintf("(at = '%s')", onDay(30)),
	"funnel":        fmt.Sprintf("(site = 'demo', track = 'main', from = '%s', to = '%s')", onDay(-1), onDay(60)),
}

// frozen lists the columns of views that can be compared between two moments, where those are not all.
var frozen = map[string]string{
	"leads":           "* EXCEPT (term_now, group_now, score, inserted_at)",
	"hot_leads":       "* EXCEPT (term_now, group_now, score, inserted_at)",
	"leads_at":        "* EXCEPT (inserted_at)",
	"lead_score_at":   "site, track, lead_id, round(score, 6)", // sums of the same parts in another order differ in the last bit
	"accounts":        "* EXCEPT (score, best_score)",
	"stage_velocity":  "* EXCEPT (open_days_p50, days_p50, days_p90), round(days_p50, 1), round(days_p90, 1)",
	"handover_clocks": "* EXCEPT (longest_wait)",
}

// names lists the tables or the views of the rig's database.
func (r *rig) names(what string) (names []string) {
	r.Helper()
	condition := map[string]string{"tables": "engine NOT LIKE '%View' AND engine != 'Dictionary'", "views": "engine LIKE '%View'"}[what]
	rows, err := r.conn.Query(r.Context(), "SELECT name FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations' AND "+condition+" ORDER BY name")
	require.NoError(r, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(r, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(r, rows.Err())
	return names
}

// answers is what every table (with FINAL, without the instant of insertion) and every view says, as row counts and
// digests that do not depend on the order of rows.
func (r *rig) answers() map[string]string {
	r.Helper()
	all := map[string]string{}
	ask := func(name, columns, from string) {
		all[name] = r.value(fmt.Sprintf("SELECT (count(), sum(cityHash64(formatRow('JSONEachRow', *)))) FROM (SELECT %s FROM %s)", columns, from))
	}
	for _, name := range r.names("tables") {
		columns := "*"
		if r.value("SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = ? AND name = 'inserted_at'", name) == "1" {
			columns = "* EXCEPT (inserted_at)"
		}
		ask(name, columns, name+" FINAL")
	}
	for _, name := range r.names("views") {
		columns := "*"
		if frozen[name] != "" {
			columns = frozen[name]
		}
		ask(name, columns, name+parameters[name])
	}
	return all
}

// putWorld fills every table that topics fill, out of the topics; and the others by hand.
func (r *rig) putWorld() (records int) {
	r.Helper()
	rng := rand.New(rand.NewPCG(8, 8))
	start := worldBegan.UnixMilli()
	for lead := range 40 {
		part := int32(lead % testPartitions)
		for i, kind := range []string{"page", "page", "identify", "crm", "market"} {
			ev := pageView(lead*10 + i)
			ev.Type, ev.AnonymousId, ev.UserId = kind, fmt.Sprintf("a%04d", lead), fmt.Sprintf("u%04d", lead)
			ev.EventTime = start + rng.Int64N(20*dayMillis)
			ev.ReceivedAt = ev.EventTime + 50
			ev.Properties = []byte(fmt.Sprintf(`{"deal_id":"d%d","stage":"won","amount":%d,"currency":"EUR","account":"acme%d","kind":"funding"}`, lead, lead*10, lead%7))
			r.put(schemas.TopicEvents, part, ev)
			records++
		}
		for _, row := range randomLedger(rng, lead, start) {
			r.put(schemas.TopicLedger, part, row)
			records++
		}
		at := start
		for i := range 1 + rng.IntN(len(path)) {
			row := &pb.StageRow{LeadId: leadID(lead), Site: "demo", Track: "main", To: path[i], At: at, EntryNo: uint32(i + 1), Direction: "promote", Amount: float64(lead), Currency: "EUR"}
			if i > 0 {
				row.From = path[i-1]
			}
			r.put(schemas.TopicStages, part, row)
			records++
			at += (1 + rng.Int64N(20*24)) * dayMillis / 24
		}
		for revision := range 3 {
			r.put(schemas.TopicLeads, part, &pb.LeadRecord{LeadId: leadID(lead), Site: "demo", Track: "main", Revision: uint64(revision + 1), Fit: []string{"A", "B", "?", "X"}[lead%4],
				Stage: "aware", Company: fmt.Sprintf("Acme%d", lead%7), Email: fmt.Sprintf("box%d@acme.example", lead/2), Joined: []*pb.JoinedID{{LeadId: leadID(lead + 100), At: start}}, ReceivedAt: start, Score: 5, Terms: []*pb.Term{{Rule: "r", Value: 9, Anchor: start, HalfLife: 7}}, Bands: []float64{75, 50, 25}})
			records++
		}
	}
	r.exec("INSERT INTO forecasts (site, track, made_at, stage, horizon_days, wins_mean) SELECT 'demo', 'main', '2026-02-01', 'aware', 30 * (1 + number), number FROM numbers(3)")
	r.exec("INSERT INTO handovers (site, track, lead_id, entry_no, token, step, at, team) SELECT 'demo', 'main', generateUUIDv4(number), 4, 1, ['detected', 'routed', 'touched'][1 + n], toDateTime64('2026-02-01', 3, 'UTC') + n * number, 'north' FROM numbers(10) ARRAY JOIN [0, 1, 2] AS n")
	r.exec("INSERT INTO ledger_folded (site, track, lead_id, rule, through, first_day, rule_group, group_cap, value) SELECT 'demo', 'main', generateUUIDv4(number), 'old', '2001-01-01', '2000-05-05', 'old', 10, 3 FROM numbers(5)")
	r.exec("INSERT INTO ledger_horizon (site, through) VALUES ('demo', '2001-01-01')")
	r.exec("INSERT INTO lead_state (site, track, lead_id, revision, fit, stage, joined_leads, joined_at) SELECT 'demo', 'main', toUUID(concat('00000000-0000-0000-0000-00000000000', toString(number))), 1, 'X', 'aware', [generateUUIDv4(number)], [toDateTime64('2026-02-01', 3, 'UTC')] FROM numbers(5)")
	r.exec("INSERT INTO erasures (site, request_id, store, finished_at) SELECT 'demo', 'r1', toString(number), '2026-02-01' FROM numbers(5)")
	r.exec("INSERT INTO erased_leads (site, lead_digest, request_id, until) SELECT 'demo', SHA256(toString(number)), 'r1', '2020-01-01' FROM numbers(3)")
	r.exec("INSERT INTO models (track, version, publication, text, kept_at) SELECT 'main', concat('m@0.', toString(number)), number, 'version: 1', '2026-02-01' FROM numbers(3)")
	return records
}

// Promise 3 for every table and every view there is, those of later migrations included: whatever row is written again,
// in blocks of any other cut and order, in parts that have merged and in parts that have not, no answer changes.
func TestARepeatedRowChangesNoAnswer(t *testing.T) {
	r := newRig(t)
	records := float64(r.putWorld())
	run := r.start(quick())
	require.Eventually(t, func() bool { return run.sum(t, "leadstream_sink_records_total") >= records }, time.Minute, 20*time.Millisecond)
	require.NoError(t, run.stopped())
	before := r.answers()
	for name, answer := range before {
		require.False(t, strings.HasPrefix(answer, "(0,"), "%s is empty, and would prove nothing", name)
	}
	again := func(order string) {
		for _, table := range r.names("tables") {
			columns := r.value("SELECT arrayStringConcat(groupArray(name), ', ') FROM system.columns WHERE database = currentDatabase() AND table = ? AND name != 'inserted_at' AND default_kind != 'MATERIALIZED'", table)
			rows := r.value("SELECT count() FROM " + table)
			r.exec(fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s ORDER BY %s SETTINGS max_insert_block_size = 17, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 1, max_block_size = 17",
				table, columns, columns, table, order))
			require.NotEqual(t, rows, r.value("SELECT count() FROM "+table), "%s: the rows must be there twice, or this proves nothing", table)
		}
	}
	again("rand()")
	require.Equal(t, before, r.answers(), "parts that have not merged")
	for _, table := range r.names("tables") {
		r.exec("OPTIMIZE TABLE " + table + " FINAL")
	}
	again("rand(1)")
	require.Equal(t, before, r.answers(), "rows beside a part that has")
}

// The mechanism stands on two things that a new migration could forget.
func TestEveryTableForgivesRepeats(t *testing.T) {
	r := newTables(t)
	require.Equal(t, "[]", r.value("SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND engine NOT LIKE 'Replacing%' AND engine NOT LIKE 'ReplicatedReplacing%'"),
		"a table without a replacing key keeps repeated rows")
	require.Equal(t, "[]", r.value("SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'"),
		"a materialised view sees a block, not a table: a repeated row is counted twice in it (docs/decisions)")
	// A client may send an event again a month later: the other partition's row is a repeat all the same.
	for _, month := range []string{"2026-01-31", "2026-02-01"} {
		r.exec("INSERT INTO events (site, lead_id, event_id, event_time, received_at) VALUES ('demo', ?, 'e1', '2026-01-31', ?)", leadText(1), month)
	}
	require.Equal(t, "(2,1)", r.value("SELECT ((SELECT count() FROM events), (SELECT count() FROM events FINAL))"))
	for name := range parameters {
		require.Contains(t, r.names("views"), name)
	}
}
