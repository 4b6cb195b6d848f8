package leads

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/schemas/pb"
)

// anyLead has parts of every kind: faded, fading later, for ever, against, in groups with caps and floors on either side of zero.
func anyLead(w *world, rng *rand.Rand, n int) *pb.LeadRecord {
	return w.lead(fmt.Sprint(n%700), 0, func(r *pb.LeadRecord) {
		r.Revision = uint64(1 + n/700)
		r.Site = []string{"demo", "shop"}[n%2]
		r.Fit, r.Stage = []string{"A", "B", "?", "X"}[rng.IntN(4)], []string{"visitor", "aware", "intent", "won", "lost"}[rng.IntN(5)]
		r.LastSeen = w.ago(time.Duration(rng.IntN(40)) * time.Hour)
		r.Groups = []*pb.GroupBound{{Name: "web", Cap: 60}, {Name: "kept", Cap: 30, Floor: 5}, {Name: "against", Cap: 0, Floor: -100}, {Name: "odd", Cap: -3, Floor: -50}}
		r.Terms = nil
		for range rng.IntN(9) {
			r.Terms = append(r.Terms, &pb.Term{
				Rule: "pricing", Group: []string{"web", "kept", "against", "odd", ""}[rng.IntN(5)], Value: 140*rng.ExpFloat64()*rng.Float64() - 20,
				Anchor: w.ago(time.Duration(rng.IntN(90*24)-24) * time.Hour), HalfLife: []float64{0, .5, 7, 30}[rng.IntN(4)],
			})
		}
	})
}

// The list that adds up only some leads is the list that adds up all, row by row, whatever is asked and on every page.
func TestAListByScoreLeavesNobodyOut(t *testing.T) {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(7, 13))
	for range 3 { // blocks of their own: revisions that no merge has joined yet
		var leads []*pb.LeadRecord
		for range 900 {
			leads = append(leads, anyLead(w, rng, rng.IntN(2100)))
		}
		w.store(leads...)
	}
	low := 40.0
	for _, days := range []float64{0, 3, 60} {
		at := w.began.Add(time.Duration(days * 24 * float64(time.Hour)))
		for name, p := range map[string]listParams{
			"all":   {Limit: 100},
			"hot":   {Limit: 100, WithoutExcluded: true, WithoutClosed: true},
			"few":   {Limit: 7, Site: "shop", Stages: []string{"intent"}},
			"grade": {Limit: 20, Grades: []string{"A1", "B3"}},
			"above": {Limit: 30, MinScore: &low, Since: instant(w.ago(20 * time.Hour))},
			"some":  {Limit: 900, Search: "anon-1"},
		} {
			p.Sort, p.AsOf = "score", at
			for page := range 4 {
				require.Equal(t, w.list(wholeQuery(p)), w.list(listQuery{p}.sql()), "%s, %v days, page %d", name, days, page)
				next, _, err := w.service.list(t.Context(), p, "f", func(Lead) error { return nil })
				require.NoError(t, err)
				if next == "" {
					break
				}
				after, err := decodeCursor(next)
				require.NoError(t, err)
				p.After = &after
			}
		}
	}
	require.Equal(t, w.list("SELECT site, toString(lead_id) FROM leads WHERE fit != 'X' AND stage NOT IN ('won', 'lost') ORDER BY score DESC, last_seen DESC, lead_id LIMIT 100 BY site, track", nil),
		w.list("SELECT site, toString(lead_id) FROM hot_leads ORDER BY score DESC, last_seen DESC, lead_id", nil))
}

// wholeQuery adds up every lead.
func wholeQuery(p listParams) (string, []any) {
	p.Limit += maxLimit + 1 // so long a list is for a file, and no bound is looked at
	text, args := listQuery{p}.sql()
	return text + fmt.Sprintf(" SETTINGS limit = %d", p.Limit-maxLimit), args
}

// list reads a query's leads: site and id, and with leadColumns the score's bits.
func (w *world) list(text string, args []any) (all []string) {
	w.t.Helper()
	rows, err := w.db.Query(w.t.Context(), text, args...)
	require.NoError(w.t, err)
	defer rows.Close()
	for rows.Next() {
		if len(rows.Columns()) == 2 {
			var site, id string
			require.NoError(w.t, rows.Scan(&site, &id))
			all = append(all, site+" "+id)
			continue
		}
		lead, err := w.service.words().scanLead(rows)
		require.NoError(w.t, err)
		all = append(all, fmt.Sprintf("%s %s %x", lead.Site, lead.ID, lead.Score))
	}
	require.NoError(w.t, rows.Err())
	return all
}
