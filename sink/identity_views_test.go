package sink

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Old events of a visitor lead to the person that the visitor turned out to be.
func TestOldEventsLeadToTheJoinedLead(t *testing.T) {
	r := newTables(t)
	const visitor, person, other = "00000000-0000-8000-8000-00000000000a", "00000000-0000-8000-8000-00000000000b", "00000000-0000-8000-8000-00000000000c"
	exec := func(q string) { require.NoError(t, r.conn.Exec(t.Context(), q)) }
	for range 2 { // a repeated row changes no answer
		exec("INSERT INTO events (site, lead_id, event_id, event_time, received_at, type) VALUES ('demo', '" + visitor + "', 'e1', '2026-05-01', '2026-05-01', 'page'), ('demo', '" + other + "', 'e2', '2026-05-01', '2026-05-01', 'page')")
		exec("INSERT INTO lead_state (site, track, lead_id, revision, joined_leads, joined_at) VALUES ('demo', 'main', '" + person + "', 2, ['" + visitor + "'], ['2026-05-02'])")
	}
	require.Equal(t, "[('e1','"+person+"'),('e2','"+other+"')]", r.value("SELECT toString(arraySort(groupArray((event_id, toString(resolved_lead_id))))) FROM events_resolved"))
	exec("INSERT INTO lead_state (site, track, lead_id, revision) VALUES ('demo', 'main', '" + person + "', 3)") // split
	require.Equal(t, "[('e1','"+visitor+"'),('e2','"+other+"')]", r.value("SELECT toString(arraySort(groupArray((event_id, toString(resolved_lead_id))))) FROM events_resolved"))
}

// A person is one in every view, whatever ids it came by: what brought it first is what brought its visitor, it came back
// when its user came back, and it met the rules that its visitor met.
func TestViewsCountAPersonOnce(t *testing.T) {
	r := newTables(t)
	const visitor, person = "00000000-0000-8000-8000-00000000000a", "00000000-0000-8000-8000-00000000000b"
	r.exec("INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, channel, utm_source) SELECT 'demo', '" + visitor + "', 'e1', now64(3) - toIntervalDay(100), now64(3), 'page', 'search', 'eng'")
	r.exec("INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, channel, utm_source) SELECT 'demo', '" + person + "', 'e2', now64(3) - toIntervalDay(90), now64(3), 'page', 'mail', 'may'")
	r.exec("INSERT INTO stage_log (site, track, lead_id, entry_no, at, to_stage, direction) SELECT 'demo', 'main', '" + person + "', 1, now64(3) - toIntervalDay(95), 'aware', 'promote'")
	r.exec("INSERT INTO stage_log (site, track, lead_id, entry_no, at, to_stage, direction) SELECT 'demo', 'main', '" + visitor + "', 1, now64(3) - toIntervalDay(95), 'aware', 'promote'")
	r.exec("INSERT INTO ledger (site, track, lead_id, day, rule, event_id, reason, event_time) SELECT 'demo', 'main', '" + visitor + "', today(), 'pricing', 'e3', 'ok', now64(3) - toIntervalDay(94)")
	r.exec("INSERT INTO lead_state (site, track, lead_id, revision, fit, joined_leads, joined_at) SELECT 'demo', 'main', '" + person + "', 1, 'A', ['" + visitor + "'], [now64(3)]")
	r.exec("INSERT INTO lead_state (site, track, lead_id, revision, fit, merged_into) SELECT 'demo', 'main', '" + visitor + "', 1, 'X', '" + person + "'")
	require.Equal(t, "(1,1)", r.value("SELECT (max(leads), max(active)) FROM cohort_retention WHERE age_weeks = 1"), "one person, who came back in the second week")
	require.Equal(t, "[('first','search','eng'),('last','search','eng')]", r.value("SELECT arraySort(groupArray((touch, channel, source))) FROM source_attribution"))
	require.Equal(t, "[(1,['pricing'])]", r.value("SELECT groupArray((1, rules)) FROM driver_exposure"))
	require.Equal(t, "[('aware',1)]", r.value("SELECT groupArray((stage, reached)) FROM funnel(site = 'demo', track = 'main', from = now64(3) - toIntervalDay(99), to = now64(3))"))
}
