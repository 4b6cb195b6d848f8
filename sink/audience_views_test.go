package sink

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const week = 7 * 24 * time.Hour

func midnight(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// cell is a week's visitors, and how many of them were there at an age.
type cell struct{ leads, active uint64 }

// cohorts counts the same from the days themselves, by "Monday age".
func cohorts(seen map[int][]time.Time) map[string]*cell {
	want := map[string]*cell{}
	for _, days := range seen {
		monday := days[0].AddDate(0, 0, -(int(days[0].Weekday())+6)%7)
		for age := range 13 {
			key := monday.Format(time.DateOnly) + fmt.Sprint(" ", age)
			if want[key] == nil {
				want[key] = &cell{}
			}
			want[key].leads++
			from := days[0].Add(time.Duration(age) * week)
			if slices.ContainsFunc(days, func(d time.Time) bool { return !d.Before(from) && d.Before(from.Add(week)) }) {
				want[key].active++
			}
		}
	}
	return want
}

func TestCohortRetentionIsBlankWhereTheAgeHasNotPassed(t *testing.T) {
	r := newTables(t)
	rng := rand.New(rand.NewPCG(5, 5))
	today := midnight(time.Now())
	seen := map[int][]time.Time{} // a visitor's days
	batch, err := r.conn.PrepareBatch(t.Context(), "INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, bot)")
	require.NoError(t, err)
	put := func(lead int, day time.Time, bot bool) {
		at := day.Add(time.Duration(rng.IntN(24*3600)) * time.Second)
		for range 2 { // every event twice
			require.NoError(t, batch.Append("demo", uuid.UUID(leadID(lead)), fmt.Sprint(lead, at.Unix()), at, at, "page", bot))
		}
	}
	for lead := range 200 {
		first := today.AddDate(0, 0, -rng.IntN(120)-1)
		for day := first; day.Before(today); day = day.AddDate(0, 0, 1+rng.IntN(30)) {
			seen[lead] = append(seen[lead], day)
			put(lead, day, false)
		}
	}
	put(999, today.AddDate(0, 0, -60), true) // a machine is no visitor
	require.NoError(t, batch.Send())

	want := cohorts(seen)
	rows, err := r.conn.Query(t.Context(), "SELECT week, age_weeks, leads, active, share FROM cohort_retention WHERE site = 'demo'")
	require.NoError(t, err)
	defer rows.Close()
	blank := 0
	for rows.Next() {
		var monday time.Time
		var age uint8
		var leads uint64
		var active *uint64
		var share *float64
		require.NoError(t, rows.Scan(&monday, &age, &leads, &active, &share))
		key := monday.Format(time.DateOnly) + fmt.Sprint(" ", age)
		w := want[key]
		require.NotNil(t, w, key)
		delete(want, key)
		require.Equal(t, w.leads, leads, key)
		// Sunday's visitor is in this age through the Saturday after 6 + 7 age days.
		if over := monday.Add(6 * 24 * time.Hour).Add(time.Duration(age+1) * week); over.After(today) {
			require.Nil(t, active, key)
			require.Nil(t, share, key)
			blank++
			continue
		}
		require.NotNil(t, active, key)
		require.Equal(t, w.active, *active, key)
		require.InDelta(t, float64(w.active)/float64(w.leads), *share, 1e-12)
	}
	require.NoError(t, rows.Err())
	require.Empty(t, want)
	require.Positive(t, blank)
}

// touches writes page views of one lead: "hours-ago channel campaign".
func (r *rig) touches(lead int, now time.Time, views ...string) {
	r.Helper()
	for i, view := range views {
		var ago int
		var channel, campaign string
		_, err := fmt.Sscan(view, &ago, &channel, &campaign)
		require.NoError(r, err)
		at := now.Add(-time.Duration(ago) * time.Hour)
		r.exec("INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, channel, utm_source, utm_campaign) VALUES ('demo', ?, ?, ?, ?, 'page', ?, ?, ?)",
			leadText(lead), fmt.Sprint(lead, "-", i), at, at, channel, "of-"+campaign, campaign)
	}
}

func TestSourceAttributionKnowsTheFirstAndTheLastTouch(t *testing.T) {
	r := newTables(t)
	now := time.Now().UTC().Truncate(time.Hour)
	entry := func(lead, no, ago int, stage string, amount float64, currency string) {
		r.exec("INSERT INTO stage_log (site, track, lead_id, entry_no, at, to_stage, direction, amount, currency) VALUES ('demo', 'main', ?, ?, ?, ?, 'promote', ?, ?)",
			leadText(lead), uint32(no), now.Add(-time.Duration(ago)*time.Hour), stage, amount, currency)
	}
	// Lead 0: came by search, then by mail, then straight; won after that.
	r.touches(0, now, "100 search spring", "99 internal x", "50 mail may", "20 direct x", "1 paid late")
	entry(0, 1, 100, "visitor", 0, "")
	entry(0, 2, 30, "aware", 0, "")
	entry(0, 3, 10, "won", 900, "EUR")
	entry(0, 3, 10, "won", 900, "EUR") // the record again
	// Lead 1: only ever direct. Lead 2: from a list, never seen on a page. Lead 3: won in another currency.
	r.touches(1, now, "40 direct x")
	entry(1, 1, 40, "visitor", 0, "")
	entry(2, 1, 40, "visitor", 0, "")
	r.touches(3, now, "60 search spring")
	entry(3, 1, 60, "visitor", 0, "")
	entry(3, 2, 50, "won", 70, "CNY")

	got := map[string]string{}
	rows, err := r.conn.Query(t.Context(), "SELECT concat(touch, ' ', stage, ' ', channel, ' ', source, ' ', campaign), concat(toString(leads), ' ', toString(amounts)) FROM source_attribution WHERE site = 'demo'")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var key, value string
		require.NoError(t, rows.Scan(&key, &value))
		got[strings.TrimRight(key, " ")] = value
	}
	require.NoError(t, rows.Err())
	require.Equal(t, map[string]string{
		"first visitor search of-spring spring": "2 {}",
		"first visitor direct of-x x":           "1 {}",
		"first visitor":                         "1 {}",
		"first aware search of-spring spring":   "1 {}",
		"first won search of-spring spring":     "2 {'CNY':70,'EUR':900}",
		"last visitor search of-spring spring":  "2 {}",
		"last visitor direct of-x x":            "1 {}",
		"last visitor":                          "1 {}",
		"last aware mail of-may may":            "1 {}",
		"last won mail of-may may":              "1 {'EUR':900}", // not the later direct one, not the paid one after the deal
		"last won search of-spring spring":      "1 {'CNY':70}",
	}, got)
}

func TestDriverExposureKeepsToItsLandmark(t *testing.T) {
	r := newTables(t)
	now := time.Now().UTC().Truncate(time.Hour).Add(-30 * time.Minute)
	day := func(ago float64) time.Time { return now.Add(-time.Duration(ago * 24 * float64(time.Hour))) }
	entry := func(lead, no int, ago float64, stage string) {
		r.exec("INSERT INTO stage_log (site, track, lead_id, entry_no, at, to_stage, direction) VALUES ('demo', 'main', ?, ?, ?, ?, 'promote')", leadText(lead), uint32(no), day(ago), stage)
	}
	met := func(lead int, ago float64, rule, reason string) {
		r.exec("INSERT INTO ledger (site, track, lead_id, day, rule, event_id, reason, event_time, received_at) VALUES ('demo', 'main', ?, ?, ?, ?, ?, ?, ?)",
			leadText(lead), day(ago), rule, fmt.Sprint(lead, ago), reason, day(ago), day(ago))
	}
	for lead, log := range [][]float64{ // days ago: aware, interest
		{60, 40},    // came further after the landmark
		{60, 55},    // left before it
		{60, 20},    // came further too late
		{60},        // never
		{20, 10},    // too young to be judged
		{3},         // not even at the landmark
		{37.5, .25}, // just old enough, a quarter of a day too slow
	} {
		for i, ago := range log {
			entry(lead, i+1, ago, path[i+1])
		}
	}
	met(0, 58, "pricing", "ok")
	met(0, 58, "pricing", "ok") // the record again
	met(0, 54, "demo", "cap")
	met(0, 52, "late_rule", "ok")   // day 8
	met(0, 61, "before_rule", "ok") // before the entry
	met(0, 57, "robot", "bot")      // refused
	met(4, 19, "pricing", "ok")
	require.Equal(t, `[(['demo','pricing'],1,1,1),([],0,1,0),([],1,1,0),([],1,1,0),(['pricing'],1,0,1),([],0,0,0),([],1,1,0)]`,
		r.value(`SELECT groupArray((rules, toUInt8(at_risk), toUInt8(matured), toUInt8(moved_on))) FROM (
			SELECT * FROM driver_exposure WHERE stage = 'aware' ORDER BY transform(lead_id, [?,?,?,?,?,?,?]::Array(UUID), [0,1,2,3,4,5,6], 9))`,
			leadText(0), leadText(1), leadText(2), leadText(3), leadText(4), leadText(5), leadText(6)))
}
