package sink

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The dictionary leads old events to whom they count for now, by way of chains of joins and of splits, as the view does.
func TestTheDictionaryResolvesOldEvents(t *testing.T) {
	r := newTables(t)
	const visitor, user, person, other = "00000000-0000-8000-8000-00000000000a", "00000000-0000-8000-8000-00000000000b", "00000000-0000-8000-8000-00000000000c", "00000000-0000-8000-8000-00000000000d"
	for _, id := range []string{visitor, user, person, other} {
		r.exec("INSERT INTO events (site, lead_id, event_id, event_time, received_at, type) VALUES ('demo', ?, ?, '2026-05-01', '2026-05-01', 'page')", id, id[35:])
	}
	r.exec("INSERT INTO events (site, lead_id, event_id, event_time, received_at, type) VALUES ('else', ?, 'a', '2026-05-01', '2026-05-01', 'page')", visitor)
	resolved := func(lead, from string) string {
		return r.value("SELECT arrayStringConcat(arraySort(groupArray(event_id || ':' || substring(toString(" + lead + "), 36))), ' ') FROM " + from + " WHERE site = 'demo'")
	}
	const looked = "dictGetOrDefault('identity', 'counts_for', (site, lead_id), lead_id)"
	for _, step := range []struct{ does, write, want string }{
		{"nobody is joined", "", "a:a b:b c:c d:d"},
		{"a visitor says who it is", "('" + user + "', 1, ['" + visitor + "'], ['2026-05-02'])", "a:b b:b c:c d:d"},
		{"that user is merged into another, whose record comes first", "('" + person + "', 1, ['" + user + "', '" + visitor + "'], ['2026-05-03', '2026-05-03'])", "a:c b:c c:c d:d"},
		{"then the other's own", "('" + user + "', 2, [], [])", "a:c b:c c:c d:d"},
		{"the user is split off, with the visitor", "('" + person + "', 2, [], []), ('" + user + "', 3, ['" + visitor + "'], ['2026-05-02'])", "a:b b:b c:c d:d"},
		{"and the visitor", "('" + user + "', 4, [], [])", "a:a b:b c:c d:d"},
	} {
		if step.write != "" {
			r.exec("INSERT INTO lead_state (site, track, lead_id, revision, joined_leads, joined_at) SELECT 'demo', 'main', * FROM VALUES('lead_id UUID, revision UInt64, joined_leads Array(UUID), joined_at Array(DateTime64(3, \\'UTC\\'))', " + step.write + ")")
		}
		r.exec("SYSTEM RELOAD DICTIONARY identity") // not waited for: how often it does so by itself is below
		require.Equal(t, step.want, resolved(looked, "events"), step.does)
		require.Equal(t, step.want, resolved("resolved_lead_id", "events_resolved"), step.does)
		require.Equal(t, visitor, r.value("SELECT "+looked+" FROM events WHERE site = 'else'"), "another site's id is nobody's here")
	}
	require.Equal(t, "(10,20)", r.value("SELECT (lifetime_min, lifetime_max) FROM system.dictionaries WHERE database = currentDatabase() AND name = 'identity'"))
}
