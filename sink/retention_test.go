package sink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"leadstream/internal/clickhouse"
	"leadstream/internal/config"
)

var retentionNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func (r *rig) keeper(rules ...RetentionRule) *keeper {
	return &keeper{rules: rules, conn: r.conn, log: zap.NewNop(), now: func() time.Time { return retentionNow }}
}

// scores are those of every lead of a site at an instant.
func (r *rig) scores(site string, at time.Time) map[string]float64 {
	r.Helper()
	rows, err := r.conn.Query(r.Context(), fmt.Sprintf("SELECT toString(lead_id), score FROM lead_score_at(at = '%s') WHERE site = '%s'", at.Format("2006-01-02 15:04:05.000"), site))
	require.NoError(r, err)
	defer rows.Close()
	all := map[string]float64{}
	for rows.Next() {
		var id string
		var score float64
		require.NoError(r, rows.Scan(&id, &score))
		all[id] = score
	}
	require.NoError(r, rows.Err())
	return all
}

func (r *rig) sameScores(want map[string]float64, site string, at time.Time, why string) {
	r.Helper()
	got := r.scores(site, at)
	require.Len(r, got, len(want), why)
	for id, score := range want {
		require.InDelta(r, score, got[id], 1e-9, "%s: %s", why, id)
	}
}

// history writes a ledger of half a year to two sites.
func (r *rig) history() {
	r.Helper()
	rng := rand.New(rand.NewPCG(4, 2))
	batch, err := r.conn.PrepareBatch(r.Context(), `INSERT INTO ledger (site, track, lead_id, day, rule, event_id, reason, event_time, received_at, rule_group, points, rule_limit, once, half_life_days, unit_key, units, group_cap, group_floor, model_version)`)
	require.NoError(r, err)
	for _, site := range []string{"north", "south"} {
		for lead := range 12 {
			for i := range 150 {
				at := retentionNow.Add(-time.Duration(rng.Int64N(int64(180 * 24 * time.Hour)))).Truncate(time.Millisecond)
				rule := testRules[rng.IntN(len(testRules))]
				half := rule.HalfLife
				if rule.Rule == "careers" {
					half = 0 // what never fades must not be forgotten either
				}
				require.NoError(r, batch.Append(site, "main", leadText(lead), at.Truncate(24*time.Hour), rule.Rule, fmt.Sprintf("e%d", i), []string{"ok", "ok", "cap", "dup"}[rng.IntN(4)],
					at, at, rule.Group, rule.Points, rule.Limit, rule.Once, half, rng.Uint64N(40), uint32(1+rng.IntN(3)), rule.GroupCap, rule.GroupFloor, "m1"))
			}
		}
	}
	require.NoError(r, batch.Send())
}

// Promise 5 outlives retention: what is left of the ledger folds to the same score, however often it is summed up, wherever it
// is killed, and whatever of it comes again.
func TestTheLedgerForgetsAndTheScoreStays(t *testing.T) {
	r := newRig(t)
	r.ownTables()
	r.history()
	now, later := retentionNow, retentionNow.AddDate(0, 0, 40)
	north, south, faded := r.scores("north", now), r.scores("south", now), r.scores("north", later)
	require.Len(t, north, 12)
	before := r.value("SELECT count() FROM ledger")

	k := r.keeper(RetentionRule{Table: "ledger", Site: "north", Days: 120})
	require.NoError(t, k.foldLedgers(t.Context()))
	require.NotEqual(t, before, r.value("SELECT count() FROM ledger"))
	require.Equal(t, "0", r.value("SELECT count() FROM ledger WHERE site = 'north' AND day <= toDate('2026-06-01') - 120"))
	require.NotEqual(t, "0", r.value("SELECT count() FROM ledger WHERE site = 'south' AND day <= toDate('2026-06-01') - 120"), "its own rule, or none")
	r.sameScores(north, "north", now, "summed up once")
	r.sameScores(faded, "north", later, "and what fades goes on fading")
	r.sameScores(south, "south", now, "the other site")
	require.Empty(t, r.scores("north", now.AddDate(0, 0, -150)), "an instant of which nothing is left has no answer, not a wrong one")
	require.NotEmpty(t, r.scores("south", now.AddDate(0, 0, -150)))

	old := r.value("SELECT count() FROM ledger WHERE site = 'south'")
	k.rules = []RetentionRule{{Table: "ledger", Site: "north", Days: 60}, {Table: "ledger", Days: 45}}
	require.NoError(t, k.foldLedgers(t.Context()))
	require.NoError(t, k.foldLedgers(t.Context()), "twice is once")
	require.NotEqual(t, old, r.value("SELECT count() FROM ledger WHERE site = 'south'"))
	r.sameScores(north, "north", now, "summed up again, on top of the first sum")
	r.sameScores(faded, "north", later, "later")
	r.sameScores(south, "south", now, "the rule for all")
	require.Equal(t, "1", r.value("SELECT max(n) FROM (SELECT count() AS n FROM ledger_folded FINAL GROUP BY site, track, lead_id, rule)"), "earlier sums are gone")
	r.history() // all of it again, as a sink would that starts from the oldest record
	r.sameScores(north, "north", now, "a repeat of what is gone changes nothing")
	require.NoError(t, k.foldLedgers(t.Context()))
	r.sameScores(north, "north", now, "nor does summing up after it")
	r.sameScores(south, "south", now, "nor there")
}

// A kill between any two steps leaves the scores alone, and the next run ends what was begun.
func TestAKillWhileTheLedgerForgets(t *testing.T) {
	r := newRig(t)
	r.ownTables()
	r.history()
	north := r.scores("north", retentionNow)
	for steps := range 4 {
		k := r.keeper(RetentionRule{Table: "ledger", Site: "north", Days: 150 - 20*steps})
		k.conn = dying{r.conn, &steps}
		require.ErrorIs(t, k.foldLedgers(t.Context()), errKilled)
		r.sameScores(north, "north", retentionNow, fmt.Sprintf("killed before step %d", steps+1))
		k.conn = r.conn
		require.NoError(t, k.foldLedgers(t.Context()))
		r.sameScores(north, "north", retentionNow, "and done again")
	}
}

func TestTablesForgetByAge(t *testing.T) {
	r := newRig(t)
	r.ownTables()
	for _, site := range []string{"north", "south"} {
		for _, age := range []int{1, 100, 500} {
			require.NoError(t, r.conn.Exec(t.Context(), "INSERT INTO events (site, lead_id, event_id, received_at) VALUES ($1, generateUUIDv4(), $2, now64(3) - toIntervalDay($3))", site, fmt.Sprint(age), age))
		}
	}
	k := r.keeper(RetentionRule{Table: "events", Days: 400}, RetentionRule{Table: "events", Site: "north", Days: 30})
	require.NoError(t, k.setTTLs(t.Context()))
	require.NoError(t, k.setTTLs(t.Context()), "twice is once")
	require.NoError(t, r.conn.Exec(t.Context(), "OPTIMIZE TABLE events FINAL"))
	r.eventually("['north 1','south 1','south 100']", "SELECT arraySort(groupArray(concat(site, ' ', event_id))) FROM events")
	require.NoError(t, r.keeper().setTTLs(t.Context()))
	require.NotContains(t, r.value("SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'events'"), "TTL ")
}

func TestRetentionFaultsAreToldAtOnce(t *testing.T) {
	var p config.Problems
	validateRetention(&p, []RetentionRule{{Table: "leads", Days: 3}, {Table: "ledger", Days: 7}, {Table: "events", Days: 0}, {Table: "events", Days: 5}, {Table: "events", Site: "a'b", Days: 5}})
	for _, text := range []string{"retention[0].table: must be a table that can forget", "retention[1].days: must be 30..36500 (got 7)", "retention[2].days", "retention[3].site: a second rule", "retention[4].site: must be a site's name"} {
		require.ErrorContains(t, p.Err(), text)
	}
	require.Equal(t, "toDateTime(at) + toIntervalDay(9) DELETE", (&keeper{rules: []RetentionRule{{"deals", "", 9}}}).ttl("deals"))
}

var errKilled = errors.New("killed")

// dying is a connection that is gone after some statements.
type dying struct {
	clickhouse.Conn
	left *int
}

func (d dying) Exec(ctx context.Context, sql string, args ...any) error {
	if *d.left--; *d.left < 0 {
		return errKilled
	}
	return d.Conn.Exec(ctx, sql, args...)
}
