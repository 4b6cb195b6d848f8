package sink

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

const dayMillis = 86_400_000

// foldLedger is the meaning of a score, said once more and without any cleverness.
func foldLedger(rows []*pb.LedgerRow, at int64) float64 {
	type day struct {
		rule string
		day  int32
	}
	units, facts, first := map[day]map[uint64]uint32{}, map[string]*pb.LedgerRow{}, map[string]int32{}
	for _, row := range rows {
		if row.Reason != "ok" && row.Reason != "cap" || row.ReceivedAt > at {
			continue
		}
		key := day{row.Rule, row.Day}
		if units[key] == nil {
			units[key] = map[uint64]uint32{}
		}
		units[key][row.UnitKey] = max(units[key][row.UnitKey], row.Units)
		facts[row.Rule] = row
		if d, ok := first[row.Rule]; !ok || row.Day < d {
			first[row.Rule] = row.Day
		}
	}
	groups := map[string]float64{}
	for key, of := range units {
		row := facts[key.rule]
		if row.Once && key.day != first[key.rule] {
			continue
		}
		var n uint32
		for _, u := range of {
			n += u
		}
		v := row.Points * float64(min(n, row.Limit))
		if row.HalfLife > 0 {
			age := float64(max(0, at-dayMillis*int64(key.day+1))) / dayMillis
			v *= math.Exp2(-age / row.HalfLife)
		}
		groups[row.Group] += v
	}
	total := 0.
	for _, row := range facts {
		if v, ok := groups[row.Group]; ok {
			delete(groups, row.Group)
			total += min(row.GroupCap, max(row.GroupFloor, v))
		}
	}
	return min(100, max(-100, total))
}

var testRules = []*pb.LedgerRow{
	{Rule: "pricing", Group: "web", Points: 10, Limit: 2, HalfLife: 7, GroupCap: 60, GroupFloor: 0},
	{Rule: "dwell", Group: "web", Points: .75, Limit: 8, HalfLife: 3.5, GroupCap: 60, GroupFloor: 0},
	{Rule: "demo", Group: "form", Points: 30, Limit: 1, Once: true, GroupCap: 50, GroupFloor: 0},
	{Rule: "careers", Group: "off", Points: -15, Limit: 3, HalfLife: 30, GroupCap: 0, GroupFloor: -40},
	{Rule: "free", Group: "general", Points: 1.1, Limit: 5, HalfLife: 1, GroupCap: 100, GroupFloor: -100},
}

// randomLedger is what a lead might have done in twenty days, with refused rows between.
func randomLedger(rng *rand.Rand, lead int, start int64) (rows []*pb.LedgerRow) {
	reasons := []string{"ok", "ok", "ok", "cap", "dup", "late", "bot"}
	for i := range 1 + rng.IntN(60) {
		at := start + rng.Int64N(20*dayMillis)
		rule := testRules[rng.IntN(len(testRules))]
		row := &pb.LedgerRow{LeadId: leadID(lead), Site: "demo", Track: "main", EventId: fmt.Sprintf("%d-%d", lead, i), EventType: "page",
			EventTime: at, ReceivedAt: at + rng.Int64N(1e6) - 3e5, Day: int32(at / dayMillis), Rule: rule.Rule, Group: rule.Group, Points: rule.Points,
			Limit: rule.Limit, Once: rule.Once, HalfLife: rule.HalfLife, GroupCap: rule.GroupCap, GroupFloor: rule.GroupFloor,
			UnitKey: uint64(rng.IntN(12)), Units: 1, Reason: reasons[rng.IntN(len(reasons))]}
		if rule.Rule == "dwell" {
			row.Units = uint32(1 + rng.IntN(6))
		}
		rows = append(rows, row)
	}
	return rows
}

// Promise 5 in SQL: folding the ledger gives the score, at any instant, and a repeated row changes nothing.
func TestTheLedgerIsTheScore(t *testing.T) {
	r := newRig(t)
	rng := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	ledgers := map[uuid.UUID][]*pb.LedgerRow{}
	for lead := range 60 {
		rows := randomLedger(rng, lead, start)
		ledgers[uuid.UUID(leadID(lead))] = rows
		for _, row := range rows {
			r.put(schemas.TopicLedger, 0, row)
		}
	}
	run := r.start(quick())
	all := r.sumRows(ledgers)
	r.eventually(fmt.Sprint(all), "SELECT count() FROM ledger FINAL")
	require.NoError(t, run.stopped())
	for _, at := range []int64{start + 3*dayMillis + 1234567, start + 10*dayMillis, start + 20*dayMillis, start + 100*dayMillis} {
		r.requireScores(ledgers, at)
	}
	require.NoError(t, r.conn.Exec(t.Context(), "INSERT INTO ledger SELECT * FROM ledger"))
	require.Equal(t, fmt.Sprint(2*all), r.value("SELECT count() FROM ledger"))
	r.requireScores(ledgers, start+11*dayMillis)
	// A session in another zone asks about the same instant.
	const sum = "SELECT round(sum(score), 6) FROM lead_score_at(at = '2026-03-12 00:00:00')"
	require.Equal(t, r.value(sum), r.value(sum+" SETTINGS session_timezone = 'Asia/Shanghai'"))
}

func (r *rig) sumRows(ledgers map[uuid.UUID][]*pb.LedgerRow) (n int) {
	for _, rows := range ledgers {
		n += len(rows)
	}
	return n
}

func (r *rig) requireScores(ledgers map[uuid.UUID][]*pb.LedgerRow, at int64) {
	r.Helper()
	rows, err := r.conn.Query(r.Context(), fmt.Sprintf("SELECT lead_id, score FROM lead_score_at(at = '%s')",
		time.UnixMilli(at).UTC().Format("2006-01-02 15:04:05.000")))
	require.NoError(r, err)
	defer rows.Close()
	got := map[uuid.UUID]float64{}
	for rows.Next() {
		var id uuid.UUID
		var score float64
		require.NoError(r, rows.Scan(&id, &score))
		got[id] = score
	}
	require.NoError(r, rows.Err())
	nonZero := 0
	for id, ledger := range ledgers {
		want := foldLedger(ledger, at)
		require.InDelta(r, want, got[id], 1e-9, "lead %s at %d", id, at)
		if want != 0 {
			nonZero++
		}
	}
	require.Greater(r, nonZero, len(ledgers)/2, "zeros prove nothing")
}

// scoreOf is the score out of a record's terms, as DESIGN defines it.
func scoreOf(lead *pb.LeadRecord, at int64) float64 {
	sums := map[string]float64{}
	for _, term := range lead.Terms {
		v := term.Value
		if term.HalfLife > 0 {
			v *= math.Exp2(-float64(max(0, at-term.Anchor)) / dayMillis / term.HalfLife)
		}
		sums[term.Group] += v
	}
	total := 0.
	for _, group := range lead.Groups {
		total += min(group.Cap, max(group.Floor, sums[group.Name]))
		delete(sums, group.Name)
	}
	for _, free := range sums {
		total += free
	}
	return min(100, max(-100, total))
}

func TestLeadsHaveTheScoreOfTheInstant(t *testing.T) {
	r := newRig(t)
	rng := rand.New(rand.NewPCG(3, 4))
	now := time.Now().UnixMilli()
	leads := map[uuid.UUID]*pb.LeadRecord{}
	for n := range 40 {
		lead := &pb.LeadRecord{LeadId: leadID(n), Site: "demo", Track: "main", Revision: uint64(n + 1), Fit: []string{"A", "B", "?", "X"}[n%4],
			Stage: []string{"aware", "intent", "won", "lost", "interest"}[n%5], ReceivedAt: now, Bands: []float64{75, 50, 25},
			Groups: []*pb.GroupBound{{Name: "web", Cap: 60}, {Name: "off", Floor: -40}, {Name: "none", Cap: 9, Floor: 2}}}
		for range rng.IntN(8) {
			lead.Terms = append(lead.Terms, &pb.Term{Rule: "r", Group: []string{"web", "off", ""}[rng.IntN(3)], Value: rng.Float64()*80 - 20,
				Anchor: now + rng.Int64N(4*dayMillis) - 3*dayMillis, HalfLife: float64(rng.IntN(5))})
		}
		leads[uuid.UUID(lead.LeadId)] = lead
		r.put(schemas.TopicLeads, 0, lead)
	}
	run := r.start(quick())
	r.eventually("40", "SELECT count() FROM lead_state FINAL")
	require.NoError(t, run.stopped())
	for _, at := range []int64{now, now + 2*dayMillis + 7, now + 40*dayMillis} {
		rows, err := r.conn.Query(t.Context(), fmt.Sprintf("SELECT lead_id, score, engagement, grade FROM leads_at(at = '%s')",
			time.UnixMilli(at).UTC().Format("2006-01-02 15:04:05.000")))
		require.NoError(t, err)
		count := 0
		for ; rows.Next(); count++ {
			var id uuid.UUID
			var score float64
			var engagement uint8
			var grade string
			require.NoError(t, rows.Scan(&id, &score, &engagement, &grade))
			lead := leads[id]
			require.InDelta(t, scoreOf(lead, at), score, 1e-9)
			band := 1 + sort.Search(3, func(i int) bool { return score >= lead.Bands[i] })
			require.Equal(t, uint8(band), engagement)
			if lead.Fit == "X" {
				require.Equal(t, "X", grade)
			} else {
				require.Equal(t, fmt.Sprint(lead.Fit, band), grade)
			}
		}
		require.NoError(t, rows.Err())
		require.Equal(t, 40, count)
	}
	// Whom to call: neither excluded nor won nor lost, hottest first; the view `leads` is of now, in any session's zone.
	require.Equal(t, "1", r.value(`SELECT toUInt8(groupArray(score) = arrayReverseSort(groupArray(score)) AND count() = 18
		AND countIf(fit = 'X' OR stage IN ('won', 'lost')) = 0) FROM hot_leads`))
	require.Equal(t, "1", r.value(`SELECT toUInt8(abs(a - b) < 0.01) FROM (SELECT
		(SELECT sum(score) FROM leads SETTINGS session_timezone = 'Asia/Shanghai') AS a, (SELECT sum(score) FROM leads) AS b)`))
}

func TestTheFunnelCountsALeadOnceAStage(t *testing.T) {
	r := newRig(t)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	stages := []string{"visitor", "aware", "interest", "intent", "accepted"}
	for n, reach := range []int{1, 1, 1, 2, 2, 3, 3, 4} {
		for i := range reach {
			r.put(schemas.TopicStages, 0, &pb.StageRow{LeadId: leadID(n), Site: "demo", Track: "main", From: stages[i], To: stages[i+1], At: at + int64(i), EntryNo: uint32(i + 1), Direction: "promote"})
		}
	}
	// Back and up again is one entry; lost is no step; last year's lead is not of this window.
	for i, to := range []string{"visitor", "aware", "lost"} {
		r.put(schemas.TopicStages, 0, &pb.StageRow{LeadId: leadID(0), Site: "demo", Track: "main", From: "aware", To: to, At: at + 10, EntryNo: uint32(2 + i), Direction: []string{"demote", "promote", "move"}[i]})
	}
	r.put(schemas.TopicStages, 0, &pb.StageRow{LeadId: leadID(99), Site: "demo", Track: "main", From: "visitor", To: "aware", At: at - 200*dayMillis, EntryNo: 1, Direction: "promote"})
	// An employee of ours climbs every stage and buys nothing: `leadstream report` does not count it either.
	for i := range stages[1:] {
		r.put(schemas.TopicStages, 0, &pb.StageRow{LeadId: leadID(77), Site: "demo", Track: "main", From: stages[i], To: stages[i+1], At: at + int64(i), EntryNo: uint32(i + 1), Direction: "promote"})
	}
	r.put(schemas.TopicLeads, 0, &pb.LeadRecord{LeadId: leadID(77), Site: "demo", Track: "main", Revision: 1, Fit: "X", ReceivedAt: at})
	run := r.start(quick())
	r.eventually("(25,1)", "SELECT (SELECT count() FROM stage_log FINAL), (SELECT count() FROM lead_state FINAL)")
	require.NoError(t, run.stopped())
	const funnel = `SELECT groupArray((stage, reached, ifNull(step_rate, -1))) FROM
		funnel(site = 'demo', track = 'main', from = '2026-03-01 00:00:00', to = '2026-03-02 00:00:00')`
	want := "[('visitor',8,-1),('aware',8,1),('interest',5,0.625),('intent',3,0.6),('accepted',1,0.3333333333333333)]"
	require.Equal(t, want, r.value(funnel))
	require.NoError(t, r.conn.Exec(t.Context(), "INSERT INTO stage_log SELECT * FROM stage_log"))
	require.Equal(t, want, r.value(funnel))
}
