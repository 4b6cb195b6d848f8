package insight

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCountsFollowLeadsNotTransitions(t *testing.T) {
	tb := newTables(t)
	tb.lead("B", step{"visitor", 90}, step{"aware", 80}, step{"interest", 70}, step{"aware", 60}, step{"interest", 50})
	tb.lead("B", step{"visitor", 90}, step{"aware", 40})
	got := tb.counts(scope())
	require.Equal(t, StageCount{Stage: "visitor", Entered: 2, Matured: 2, Reached: 2}, got["visitor"])
	require.Equal(t, StageCount{Stage: "aware", Open: 1, Entered: 2, Matured: 2, Reached: 1}, got["aware"])
	require.Equal(t, StageCount{Stage: "interest", Open: 1, Entered: 1, Matured: 1}, got["interest"], "its second entry is not a second lead")
}

func TestALeadSeenButNeverMovedIsAVisitor(t *testing.T) {
	tb := newTables(t)
	id := tb.lead("?", step{"visitor", 40})
	tb.exec(`ALTER TABLE stage_log DELETE WHERE lead_id = ? SETTINGS mutations_sync = 1`, id)
	require.Equal(t, StageCount{Stage: "visitor", Open: 1, Entered: 1, Matured: 1}, tb.counts(scope())["visitor"])
}

func TestLostIsNoProgress(t *testing.T) {
	tb := newTables(t)
	tb.lead("A", step{"visitor", 90}, step{"intent", 60}, step{"lost", 50})
	tb.lead("A", step{"visitor", 90}, step{"intent", 60}, step{"won", 50})
	got := tb.counts(scope())
	require.Equal(t, StageCount{Stage: "intent", Entered: 2, Matured: 2, Reached: 1, Won: 1}, got["intent"])
	require.Equal(t, uint64(1), got["lost"].Entered)
	require.Equal(t, uint64(1), got["won"].Open)
}

func TestLeadsTooYoungAreNotJudged(t *testing.T) {
	tb := newTables(t)
	tb.lead("A", step{"visitor", 31})
	tb.lead("A", step{"visitor", 29})
	tb.lead("A", step{"visitor", 29}, step{"aware", 1})
	got := tb.counts(scope())["visitor"]
	require.Equal(t, StageCount{Stage: "visitor", Open: 2, Entered: 3, Matured: 1, EarlyReached: 1}, got)
	wide := scope()
	wide.Window = 0
	require.Equal(t, uint64(3), tb.counts(wide)["visitor"].Matured)
}

func TestLeadsAFlagRulesOutAreInNoCount(t *testing.T) {
	tb := newTables(t)
	tb.lead("X", step{"visitor", 90}, step{"aware", 80})
	tb.lead("A", step{"visitor", 90}, step{"aware", 80})
	got := tb.counts(scope())
	require.Equal(t, uint64(1), got["visitor"].Entered)
	require.Equal(t, uint64(1), got["aware"].Open)
}

func TestRepeatedRowsChangeNoCount(t *testing.T) {
	tb := newTables(t)
	tb.lead("A", step{"visitor", 90}, step{"aware", 80})
	before := tb.counts(scope())
	tb.exec(`INSERT INTO stage_log SELECT * FROM stage_log`)
	tb.exec(`INSERT INTO lead_state SELECT * FROM lead_state`)
	require.Equal(t, before, tb.counts(scope()))
}

func TestScopeKeepsSitesAndTracksApart(t *testing.T) {
	tb := newTables(t)
	tb.lead("A", step{"visitor", 90}, step{"aware", 80})
	other := scope()
	other.Site = "shop"
	require.Zero(t, tb.counts(other)["visitor"].Entered)
	other = scope()
	other.Track = "partners"
	require.Zero(t, tb.counts(other)["visitor"].Entered)
	all := Scope{Stages: path, At: now, Window: DefaultWindow}
	require.Equal(t, uint64(1), tb.counts(all)["visitor"].Entered)
}

func TestScopeValuesAreNeverSQL(t *testing.T) {
	tb := newTables(t)
	tb.lead("A", step{"visitor", 90})
	evil := scope()
	evil.Site = `' OR 1=1 -- \' {site:String}` + "\n\x00"
	evil.Stages = append(evil.Stages, path[0])
	evil.Stages[len(evil.Stages)-1].ID = `x'], []) OR (1=1`
	require.Zero(t, tb.counts(evil)["visitor"].Entered)
}

func TestScopeReportsEveryFault(t *testing.T) {
	err := Scope{Window: -time.Hour}.Validate()
	require.ErrorContains(t, err, "stages:")
	require.ErrorContains(t, err, "at:")
	require.ErrorContains(t, err, "window:")
	require.NoError(t, scope().Validate())
	_, err = Counts(t.Context(), nil, Scope{})
	require.ErrorContains(t, err, "stages:")
}
