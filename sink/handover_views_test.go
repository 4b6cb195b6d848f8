package sink

import (
	"crypto/sha256"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestHandoverClocksShowWhoStillWaits(t *testing.T) {
	r := newTables(t)
	start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	batch, err := r.conn.PrepareBatch(t.Context(), "INSERT INTO handovers (site, track, lead_id, entry_no, token, step, at, team, due_at)")
	require.NoError(t, err)
	step := func(lead, entry, token int, name string, seconds float64, team string, due any) {
		at := start.Add(time.Duration(math.Round(seconds*1000)) * time.Millisecond)
		require.NoError(t, batch.Append("demo", "main", uuid.UUID(leadID(lead)), uint32(entry), uint64(token), name, at, team, due))
	}
	// Ten hand-overs of team north: lead n detected after n/10 s, routed n/100 s later, notified a second later, touched n minutes later.
	for n := 1; n <= 10; n++ {
		f := float64(n)
		due := start.Add(6*time.Minute + 30*time.Second)
		for range 2 { // every record twice
			step(n, 4, 0, "happened", 0, "", nil)
			step(n, 4, 0, "detected", f/10, "", nil)
			step(n, 4, 1, "routed", f/10+f/100, "north", due)
			step(n, 4, 1, "notified", f/10+f/100+1, "north", due)
			step(n, 4, 1, "touched", f/10+f/100+1+60*f, "north", due)
		}
		step(n, 4, 1, "touched", 9000, "north", due) // a later contact is no first one
	}
	// Lead 11 went back once and was given to the south; nobody has called. Lead 12 was closed uncalled.
	for lead := 11; lead <= 12; lead++ {
		step(lead, 4, 0, "detected", 2, "", nil)
		step(lead, 4, 1, "routed", 3, "north", nil)
		step(lead, 4, 1, "returned", 600, "", nil)
		step(lead, 4, 2, "routed", 601, "south", nil)
	}
	step(12, 4, 2, "closed", 700, "south", nil)
	require.NoError(t, batch.Send())

	const clocks = `SELECT tuple(month, handovers, round(detect_p50, 3), round(detect_p90, 3), round(route_p50, 3), round(route_p90, 3),
		notify_p50, notify_p90, respond_p50, respond_p90, touched, in_time, returned, waiting) FROM handover_clocks WHERE team = '%s'`
	require.Equal(t, "('2026-03-01',10,0.6,1,0.06,0.1,1,1,360,600,10,6,0,0)", r.value(fmt.Sprintf(clocks, "north")))
	require.Equal(t, "('2026-03-01',2,NULL,NULL,1,1,NULL,NULL,NULL,NULL,0,0,2,1)", r.value(fmt.Sprintf(clocks, "south")))
	require.Equal(t, "1", r.value("SELECT toUInt8(abs(longest_wait - dateDiff('second', toDateTime64('2026-03-10 09:00:02', 3, 'UTC'), now64(3, 'UTC'))) < 60) FROM handover_clocks WHERE team = 'south'"))
	require.Equal(t, "1", r.value("SELECT toUInt8(longest_wait IS NULL) FROM handover_clocks WHERE team = 'north'"))
}

// A request that is run again says the newest word of each store; the lead is found by its digest and not named.
func TestAnErasureIsProvedWithoutAName(t *testing.T) {
	r := newTables(t)
	digest := sha256.Sum256([]byte(leadText(1)))
	for i, left := range []int{3, 0} {
		r.exec("INSERT INTO erasures (site, request_id, store, lead_digest, finished_at, removed, remaining) VALUES ('demo', 'r1', 'table events', ?, ?, 7, ?)",
			string(digest[:]), time.Date(2026, 3, 1, 0, i, 0, 0, time.UTC), uint64(left))
	}
	require.Equal(t, "(1,0)", r.value("SELECT (count(), sum(remaining)) FROM erasures FINAL WHERE lead_digest = SHA256(?)", leadText(1)))
	require.Equal(t, "0", r.value("SELECT count() FROM erasures FINAL WHERE lead_digest = SHA256(?)", leadText(2)))
}
