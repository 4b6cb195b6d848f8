package sink

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"leadstream/internal/clickhouse"
)

// newTables is a rig without a broker: rows are put into the tables by hand.
func newTables(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, server: clickhouse.DefaultConfig()}
	r.emptyTables()
	return r
}

func (r *rig) exec(statement string, args ...any) {
	r.Helper()
	require.NoError(r, r.conn.Exec(r.Context(), statement, args...), statement)
}

var path = []string{"visitor", "aware", "interest", "intent", "won"}

// step is a row of a lead's stage log; place is 1.. on the path, 0 is lost.
type step struct {
	place int
	at    time.Time
}

func (s step) stage() string {
	if s.place == 0 {
		return "lost"
	}
	return path[s.place-1]
}

// randomLog climbs, falls and gets lost. Times are half an hour off the whole day, where the views' windows
// end, so that a slow test sees no other windows.
func randomLog(rng *rand.Rand, now time.Time) []step {
	at := now.Add(-time.Duration(rng.IntN(150*24))*time.Hour - 30*time.Minute)
	log := []step{{1, at}}
	for {
		at = at.Add(time.Duration(1+rng.IntN(24*24)) * time.Hour)
		last := log[len(log)-1].place
		if !at.Before(now) || last == len(path) || last == 0 && rng.IntN(2) == 0 {
			return log
		}
		switch dice := rng.IntN(10); {
		case dice == 0 && last != 0:
			log = append(log, step{0, at})
		case dice <= 2 && last > 1:
			log = append(log, step{last - 1, at})
		default:
			log = append(log, step{last + 1, at})
			if rng.IntN(4) == 0 && last+2 <= len(path) { // a jump: two rows of one instant
				log = append(log, step{last + 2, at})
			}
		}
	}
}

func (r *rig) putLogs(logs [][]step) {
	r.Helper()
	batch, err := r.conn.PrepareBatch(r.Context(), "INSERT INTO stage_log (site, track, lead_id, entry_no, at, from_stage, to_stage, direction)")
	require.NoError(r, err)
	for lead, log := range logs {
		from, place := "", 0
		for i, s := range log {
			direction := "promote"
			if s.place == 0 || place == 0 && i > 0 {
				direction = "move"
			} else if s.place < place {
				direction = "demote"
			}
			require.NoError(r, batch.Append("demo", "main", uuid.UUID(leadID(lead)), uint32(i+1), s.at, from, s.stage(), direction))
			from, place = s.stage(), s.place
		}
	}
	require.NoError(r, batch.Send())
}

// stay is what view stage_visits says, found by walking.
type stay struct {
	place                      int
	first                      bool
	in                         time.Time
	out, further, lost, fallen time.Time // zero: never
}

func stays(log []step) (all []stay) {
	seen := map[int]bool{}
	for i, s := range log {
		v := stay{place: s.place, first: !seen[s.place], in: s.at}
		seen[s.place] = true
		for j, later := range log[i+1:] {
			if j == 0 {
				v.out = later.at
				if later.place > 0 && later.place < s.place {
					v.fallen = later.at
				}
			}
			if v.further.IsZero() && later.place > s.place {
				v.further = later.at
			}
			if v.lost.IsZero() && later.place == 0 {
				v.lost = later.at
			}
		}
		all = append(all, v)
	}
	return all
}

func within(at, in time.Time, days int) bool {
	return !at.IsZero() && !at.After(in.AddDate(0, 0, days))
}

// stageWorld is 400 leads, one of them ruled out, with every row of the log written twice.
func stageWorld(t *testing.T, seed uint64) (r *rig, all []stay, now time.Time) {
	r = newTables(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	now = time.Now().UTC().Truncate(time.Millisecond)
	// One lead walks the whole path: it shows the places.
	logs := [][]step{{{1, now.AddDate(0, 0, -100).Add(-30 * time.Minute)}}}
	for i := 2; i <= len(path); i++ {
		logs[0] = append(logs[0], step{i, logs[0][0].at.Add(time.Duration(i) * time.Hour)})
	}
	for range 400 {
		logs = append(logs, randomLog(rng, now))
	}
	r.putLogs(logs)
	r.putLogs(logs)
	out := len(logs) - 1
	r.exec("INSERT INTO lead_state (site, track, lead_id, revision, fit) VALUES ('demo', 'main', ?, 1, 'A'), ('demo', 'main', ?, 2, 'X')", leadText(1), leadText(out))
	for _, log := range logs[:out] {
		all = append(all, stays(log)...)
	}
	return r, all, now
}

func leadText(n int) string { return uuid.UUID(leadID(n)).String() }

func TestStageConversionJudgesOnlyMaturedLeads(t *testing.T) {
	r, all, now := stageWorld(t, 1)
	require.Equal(t, fmt.Sprint(len(all)), r.value("SELECT count() FROM stage_visits"))
	type row struct{ entered, matured, moved, lost uint64 }
	want := map[string]*row{}
	for _, v := range all {
		if !v.first || v.place == 0 || v.place == len(path) {
			continue
		}
		key := v.in.Format("2006-01") + " " + path[v.place-1]
		if want[key] == nil {
			want[key] = &row{}
		}
		w := want[key]
		w.entered++
		if v.in.AddDate(0, 0, 30).After(now) {
			continue
		}
		w.matured++
		if within(v.further, v.in, 30) {
			w.moved++
		} else if within(v.lost, v.in, 30) {
			w.lost++
		}
	}
	rows, err := r.conn.Query(t.Context(), "SELECT formatDateTime(month, '%Y-%m'), stage, place, entered, matured, moved_on, lost, rate FROM stage_conversion WHERE site = 'demo'")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var month, stage string
		var place uint32
		var got row
		var rate *float64
		require.NoError(t, rows.Scan(&month, &stage, &place, &got.entered, &got.matured, &got.moved, &got.lost, &rate))
		require.Equal(t, want[month+" "+stage], &got, month+" "+stage)
		require.Equal(t, stage, path[place-1])
		if got.matured == 0 {
			require.Nil(t, rate, "nobody is old enough: blank, not 0")
		} else {
			require.InDelta(t, float64(got.moved)/float64(got.matured), *rate, 1e-12)
		}
		delete(want, month+" "+stage)
	}
	require.NoError(t, rows.Err())
	require.Empty(t, want)
}

// kaplanMeier is the textbook's: by distinct lengths, deaths over those at risk.
func kaplanMeier(days []float64, ended []bool, share float64) *float64 {
	lengths := slices.Compact(slices.Sorted(slices.Values(days)))
	there := 1.
	for _, length := range lengths {
		atRisk, deaths := 0., 0.
		for i, d := range days {
			if d >= length {
				atRisk++
			}
			if d == length && ended[i] {
				deaths++
			}
		}
		if there *= 1 - deaths/atRisk; there <= 1-share+1e-9 {
			return &length
		}
	}
	return nil
}

func TestStageVelocityCountsOpenStays(t *testing.T) {
	r, all, now := stageWorld(t, 2)
	blank := 0
	for place := 0; place <= len(path); place++ {
		var days, openDays []float64
		var ended []bool
		for _, v := range all {
			if v.place != place {
				continue
			}
			days = append(days, cmp.Or(v.out, now).Sub(v.in).Hours()/24)
			ended = append(ended, !v.out.IsZero())
			if v.out.IsZero() {
				openDays = append(openDays, now.Sub(v.in).Hours()/24)
			}
		}
		var visits, open uint64
		var p50, p90, openP50 *float64
		require.NoError(t, r.conn.QueryRow(t.Context(), "SELECT visits, open, days_p50, days_p90, open_days_p50 FROM stage_velocity WHERE stage = ?",
			step{place: place}.stage()).Scan(&visits, &open, &p50, &p90, &openP50))
		require.Equal(t, []uint64{uint64(len(days)), uint64(len(openDays))}, []uint64{visits, open})
		slices.Sort(openDays)
		median := &openDays[len(openDays)/2]
		for _, pair := range [][2]*float64{{kaplanMeier(days, ended, .5), p50}, {kaplanMeier(days, ended, .9), p90}, {median, openP50}} {
			if pair[0] == nil {
				require.Nil(t, pair[1], "stage %d", place)
				blank++
				continue
			}
			require.NotNil(t, pair[1], "stage %d", place)
			require.InDelta(t, *pair[0], *pair[1], .01, "stage %d", place) // the test's own minutes
		}
	}
	require.Positive(t, blank, "a stage that nobody leaves has no median")
}

func TestLeaksCompareTwoPeriodsAlike(t *testing.T) {
	r, all, now := stageWorld(t, 3)
	for place := 1; place < len(path); place++ {
		var entered, moved, lost, fell, before, movedBefore float64
		for _, v := range all {
			age := now.Sub(v.in).Hours() / 24
			if !v.first || v.place != place || age < 30 || age >= 90 {
				continue
			}
			went := within(v.further, v.in, 30)
			switch {
			case age >= 60:
				before++
				if went {
					movedBefore++
				}
				continue
			case went:
				moved++
			case within(v.lost, v.in, 30):
				lost++
			case within(v.fallen, v.in, 30):
				fell++
			}
			entered++
		}
		var got [6]uint64
		var rate, previous, change, z, stake *float64
		require.NoError(t, r.conn.QueryRow(t.Context(), `SELECT entered, moved_on, lost, fell, stalled, previous_entered, leak_rate, previous_leak_rate, change, z, leads_at_stake
			FROM leaks WHERE stage = ?`, path[place-1]).Scan(&got[0], &got[1], &got[2], &got[3], &got[4], &got[5], &rate, &previous, &change, &z, &stake))
		require.Equal(t, [6]uint64{uint64(entered), uint64(moved), uint64(lost), uint64(fell), uint64(entered - moved - lost - fell), uint64(before)}, got, path[place-1])
		a, b := moved/entered, movedBefore/before
		pooled := (moved + movedBefore) / (entered + before)
		require.InDelta(t, 1-a, *rate, 1e-12)
		require.InDelta(t, 1-b, *previous, 1e-12)
		require.InDelta(t, b-a, *change, 1e-12)
		require.InDelta(t, (b-a)/math.Sqrt(pooled*(1-pooled)*(1/entered+1/before)), *z, 1e-9)
		require.InDelta(t, entered*(b-a), *stake, 1e-9)
	}
}
