package scoring

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
)

// idle is what leads take in memory that nobody is busy with, bytes a lead.
type idle struct {
	row   float64 // a lead's row, its head and its timer included, but for:
	ids   float64 // what is kept of open days and sessions: ids of what was counted
	index float64 // the most it takes as the leads get more
}

// measureIdle packs visitors of three sessions, who came long ago and have paths of a
// site of some hundred pages.
func measureIdle(leads int) (all idle) {
	p, bare := newPartition(0, 0), newLeads()
	for i := range leads {
		l := idleLead(uint64(i))
		due, _ := testModel.Due(l)
		rec := testModel.Record(l, 0, nil)
		p.leads.store(l, due)
		rec.State.Sessions = nil
		for _, r := range rec.State.Rules {
			r.Days, r.LastDay = nil, 0 // the newest day is not written where it is an open one
		}
		if l, err := testModel.Restore(rec); err == nil {
			bare.store(l, due)
		}
		if x := &p.leads.rows.index; x.used >= leads/2 {
			all.index = max(all.index, float64(8*len(x.slots))/float64(x.used))
		}
	}
	n := float64(p.leads.len())
	all.row = float64(bare.rows.bytes) / n
	all.ids = float64(p.leads.rows.bytes)/n - all.row
	return all
}

// idleLead is an anonymous visitor of three sessions within a week.
func idleLead(seed uint64) *model.Lead {
	rng := rand.New(rand.NewPCG(seed, 3))
	anonymous := schemas.NewLeadID(fmt.Sprint(seed)).String()
	l := model.NewLead(schemas.NewLeadID(schemas.EventKey("demo", anonymous, "")), "demo")
	at := int64(1_767_603_600_000) + rng.Int64N(100*day.Milliseconds())
	folders := []string{"/", "/product/", "/pricing", "/docs/", "/blog/"}
	for session := range 3 {
		for view := range 1 + rng.IntN(3) {
			path := folders[rng.IntN(len(folders))]
			if path != "/" && path != "/pricing" {
				path += fmt.Sprint(rng.IntN(100))
			}
			for _, kind := range []string{"page", "dwell", "scroll"} {
				at += rng.Int64N(60_000)
				testModel.Apply(l, &pb.Event{
					EventId: fmt.Sprint(seed, session, view, kind), Site: "demo", Type: kind, AnonymousId: anonymous, EventTime: at, ReceivedAt: at + 20,
					SessionId: fmt.Sprint(seed, session), ViewId: fmt.Sprint(seed, session, view), Path: path,
					EngagedMs: uint32(rng.IntN(90_000)), ScrollPct: uint32(rng.IntN(101)), Country: "DE",
				}, nil)
			}
		}
		at += rng.Int64N(2 * day.Milliseconds())
	}
	return l
}

func TestAnIdleLeadTakesAHundredBytes(t *testing.T) {
	all := measureIdle(3000)
	require.LessOrEqual(t, all.row+all.index, 100.0, "row %.1f, index %.1f", all.row, all.index)
}

// BenchmarkIdleLead tells what an idle lead takes, and of what that is made.
//
//	go test ./scoring -run '^$' -bench IdleLead -benchtime 1x
func BenchmarkIdleLead(b *testing.B) {
	all := measureIdle(50_000)
	b.ReportMetric(all.row, "B-row")
	b.ReportMetric(all.index, "B-index-at-most")
	b.ReportMetric(all.row+all.index, "B/lead")
	b.ReportMetric(all.ids, "B-ids")
	b.ReportMetric(0, "ns/op")
}
