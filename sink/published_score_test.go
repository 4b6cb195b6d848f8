package sink

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// goesOver scores all history of a person anew, as a worker does when a model is published.
func (p *person) goesOver(m *model.Model) {
	p.Helper()
	for id, l := range p.leads {
		if l.Away() != "" {
			continue
		}
		fresh := l.Anew()
		for _, ev := range p.lived {
			if of := schemas.NewLeadID(schemas.OriginKey("demo", ev.AnonymousId, ev.UserId)); of != id && !l.Holds(of) {
				continue
			}
			m.Fold(fresh, ev.ReceivedAt)
			var rows []*pb.LedgerRow
			for _, row := range m.Apply(fresh, ev, nil).Ledger {
				if row.Reason != model.ReasonPublished {
					rows = append(rows, row)
				}
			}
			p.rows(rows)
		}
		p.rows(m.Rescore(l, fresh, nil).Ledger)
	}
	p.m = m
}

// A published model counts all days of a person as one lead's, in SQL as in the worker's state: also those that had closed
// before ids were joined. What was known before the publication is still what it was, and ids that are split off or joined
// afterwards, and a ledger that forgets its old days, change nothing of that.
func TestThePublishedLedgerOfAPersonIsTheScore(t *testing.T) {
	r := newRig(t)
	end := retentionNow.UnixMilli()
	begin := end - 110*dayMillis
	var people []*person
	sent := map[string]bool{}
	for number := range 9 {
		people = append(people, &person{rig: r, m: model.Default(), rng: rand.New(rand.NewPCG(8, uint64(number))), number: number,
			leads: map[schemas.LeadID]*model.Lead{}, written: map[schemas.LeadID]uint64{}, sent: sent})
	}
	var moments []*snapshot
	for number, p := range people {
		p.live(begin, end, number/3, &moments)
	}
	text := strings.NewReplacer("points: 12", "points: 5", "half_life: 14d", "half_life: 9d").Replace(string(model.DefaultText()))
	first, err := model.LoadPublished([]byte(text), "first.yml", 1, end+1000)
	require.NoError(t, err)
	second, err := model.LoadPublished(model.DefaultText(), "default.yml", 2, end+3*dayMillis)
	require.NoError(t, err)
	run := r.start(quick())
	for i, m := range []*model.Model{first, second} {
		_, published := m.Publication()
		for number, p := range people {
			p.goesOver(m)
			if number >= 6 && i == 0 {
				p.joins(2, published+1000)
			}
			if number < 3 && i == 1 {
				p.parts(1)
			}
			p.does(p.event(9000+i, number%3, published+2000), number%3)
			p.records()
		}
		maps.DeleteFunc(sent, func(key string, _ bool) bool {
			return strings.HasSuffix(key, fmt.Sprint(" ", i+1)) && strings.Count(key, " ") == 1
		}) // earlier revisions
		r.settleRows(sent, 0, i+2)
		now, later := at(published+dayMillis), at(published+40*dayMillis)
		for _, p := range people {
			now.of(p)
			later.of(p)
		}
		r.requireSnapshots(m.Version(), now, later)
		if i == 0 {
			r.requireSnapshots("as it was known before the publication", moments[len(moments)-4:]...)
			require.NotEqual(t, "0", r.value("SELECT count() FROM lead_state FINAL WHERE has(joined_united, 1) AND arrayExists((d, u) -> u = 1 AND d > toDate(0), joined_through, joined_united)"), "no id had days of its own before")
		}
		for _, days := range []int{60, 31} {
			if i == 1 {
				require.NoError(t, r.keeper(RetentionRule{Table: "ledger", Days: days}).foldLedgers(t.Context()))
				r.requireSnapshots("old days are forgotten", now, later)
			}
		}
	}
	require.NoError(t, run.stopped())
}
