package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// requireNotice spoils the tables when all is compared: a row that is gone, that stands there under another key, too, or
// that is a bit off. Each has to be among the differences, or the soak could not have failed.
func (s *soak) requireNotice(want *told) {
	s.t.Helper()
	// A report of time by a lead that made few: no limit and no cap hides that it is gone.
	one := "(SELECT lead_id, event_id, rule FROM ledger WHERE startsWith(event_id, 'faller-') AND rule = 'dwell' AND counted ORDER BY event_id LIMIT 1)"
	for _, sql := range []string{
		"INSERT INTO ledger SELECT * REPLACE('nobody''s' AS event_id) FROM ledger FINAL WHERE reason = 'ok' LIMIT 1",
		"ALTER TABLE ledger DELETE WHERE (lead_id, event_id, rule) IN " + one + " SETTINGS mutations_sync = 1",
		"INSERT INTO stage_log SELECT * REPLACE(entry_no + 1000 AS entry_no) FROM stage_log FINAL WHERE cause = 'event' LIMIT 1",
		"INSERT INTO stage_log SELECT * REPLACE(at + toIntervalMillisecond(1) AS at) FROM stage_log FINAL WHERE cause = 'timer' LIMIT 1",
		"INSERT INTO lead_state SELECT * REPLACE(score + 1e-12 AS score) FROM lead_state FINAL ORDER BY lead_id DESC LIMIT 1",
		"ALTER TABLE lead_state DELETE WHERE lead_id IN (SELECT lead_id FROM lead_state ORDER BY lead_id LIMIT 1) SETTINGS mutations_sync = 1",
	} {
		require.NoError(s.t, s.db.Exec(s.t.Context(), sql), sql)
	}
	found := strings.Join(s.differences(want), "\n")
	for _, difference := range []string{
		`(?m)^ledger: .* nobody's ok should not be there`, `(?m)^ledger: .* is missing`, `(?m)^lead_score_at: .* the model says`,
		`(?m)^stage_log: .* should not be there`, `(?m)^stage_log and the fold: .* should be`, `(?m)^falls: .* should be`,
		`(?m)^lead_state's columns and its record: .* should be`, `(?m)^lead_state and the fold: .* is missing`, `(?m)^leads_at: .* is missing`,
	} {
		require.Regexp(s.t, difference, found)
	}
}

// The comparison itself, on rows made by hand.
func TestARowTooFewOrTooManyIsNoticed(t *testing.T) {
	row := func(rule string, points float64) *pb.LedgerRow { return &pb.LedgerRow{Rule: rule, Points: points} }
	want := map[string][]*pb.LedgerRow{"a": {row("a", 1)}, "b": {row("b", 2), row("b", 3)}}
	lines := func(rows ...*pb.LedgerRow) []line[*pb.LedgerRow] {
		return linesOf(rows, func(r *pb.LedgerRow) string { return r.Rule })
	}
	require.Empty(t, unlike("t", want, lines(row("b", 3), row("a", 1))), "a key's row may be any of its own")
	for difference, got := range map[string][]line[*pb.LedgerRow]{
		"b is missing":          lines(row("a", 1)),
		"a is there twice":      lines(row("a", 1), row("b", 2), row("a", 1)),
		"c should not be there": lines(row("a", 1), row("b", 2), row("c", 1)),
		"a is {":                lines(row("a", 1.0000000000000002), row("b", 2)),
	} {
		found := unlike("t", want, got)
		require.Len(t, found, 2, difference)
		require.Contains(t, found[0], difference)
		require.Contains(t, found[1], "1 differences")
	}
	require.Len(t, unlike("t", want, nil), 3)

	id, now := schemas.NewLeadID("demo/x"), time.Now()
	leads, some := map[schemas.LeadID]*model.Lead{id: model.NewLead(id, "demo")}, map[schemas.LeadID]bool{id: true}
	require.Empty(t, scoresDiffer("v", []scored{{id, 1e-10}}, leads, some, now))
	require.Len(t, scoresDiffer("v", []scored{{id, 1e-8}}, leads, some, now), 1)
	require.Len(t, scoresDiffer("v", []scored{{id, 0}, {id, 0}}, leads, some, now), 1)
	require.Len(t, scoresDiffer("v", nil, leads, some, now), 1)
	require.Empty(t, scoresDiffer("v", nil, leads, map[schemas.LeadID]bool{}, now), "the ledger has no points of it")
}
