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
