package sink

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
)

// person is a user with two devices in a world of their own, scored as the worker does.
type person struct {
	*rig
	m       *model.Model
	rng     *rand.Rand
	number  int
	leads   map[schemas.LeadID]*model.Lead
	written map[schemas.LeadID]uint64 // revisions
	sent    map[string]bool           // keys of rows
	lived   []*pb.Event
}

func (p *person) key(who int) string {
	return fmt.Sprintf("demo/%s%d", []string{"user-", "phone-", "laptop-"}[who], p.number)
}

func (p *person) lead(who int) *model.Lead {
	id := schemas.NewLeadID(p.key(who))
	if p.leads[id] == nil {
		p.leads[id] = model.NewLead(id, "demo")
	}
	return p.leads[id]
}

// event is something that one of the three did; some are late, some too late.
func (p *person) event(i, who int, at int64) *pb.Event {
	ev := &pb.Event{
		EventId: fmt.Sprintf("w%d-e%d", p.number, i), Site: "demo", ReceivedAt: at, EventTime: at - p.rng.Int64N(2000),
		Type: []string{"page", "page", "page", "dwell", "scroll", "form", "track"}[p.rng.IntN(7)],
		Name: []string{"", "Download", "newsletter", "Demo Requested"}[p.rng.IntN(4)],
		Path: []string{"/", "/product/a", "/product/b", "/pricing", "/docs/x", "/careers"}[p.rng.IntN(6)],
		// Views and sessions are shared by the devices, so that units meet.
		SessionId: fmt.Sprintf("s%d", p.rng.IntN(9)), ViewId: fmt.Sprintf("v%d", p.rng.IntN(12)),
		EngagedMs: uint32(p.rng.IntN(200_000)), ScrollPct: 80,
	}
	switch p.rng.IntN(12) {
	case 0:
		ev.EventTime -= p.rng.Int64N(6 * dayMillis)
	case 1:
		ev.EventTime -= 9 * dayMillis
	}
	switch who {
	case 0:
		ev.UserId = p.key(0)[len("demo/"):]
	default:
		ev.AnonymousId = p.key(who)[len("demo/"):]
	}
	return ev
}

// does folds an event where it belongs at that moment, now and then twice, and writes its rows.
func (p *person) does(ev *pb.Event, who int) {
	p.Helper()
	p.lived = append(p.lived, ev)
	l := p.lead(0)
	if !l.Holds(schemas.NewLeadID(p.key(who))) {
		l = p.lead(who)
	}
	for range 1 + p.rng.IntN(4)/3 {
		p.m.Fold(l, ev.ReceivedAt)
		p.rows(p.m.Apply(l, ev, nil).Ledger)
	}
}

func (p *person) rows(rows []*pb.LedgerRow) {
	p.Helper()
	for _, row := range rows {
		p.send(schemas.TopicLedger, row)
		p.sent[fmt.Sprintf("%x %s %d %s %s %d", row.LeadId, row.Rule, row.Day, row.EventId, row.Reason, schemas.PublicationOf(row.ModelVersion))] = true
	}
}

func (p *person) send(topic string, m proto.Message) {
	p.Helper()
	value, err := proto.Marshal(m)
	require.NoError(p, err)
	p.putBytes(topic, 0, value)
}

// joins hands a device's state to the user, as identity.Desk does.
func (p *person) joins(who int, at int64) {
	home := p.lead(who)
	p.m.Fold(home, at)
	p.m.Fold(p.lead(0), at)
	home.Home().Epoch++
	home.Home().To = p.key(0)
	for _, part := range p.m.Hand(home, p.key(who), at) {
		p.m.Join(p.lead(0), part, "edge", nil)
	}
}

// parts gives it back.
func (p *person) parts(who int) {
	p.Helper()
	left := p.m.Leave(p.lead(0), p.key(who))
	require.Len(p, left, 1)
	p.lead(who).Home().To = ""
	p.m.Return(p.lead(who), left[0])
}

// records writes what lead_state is to know.
func (p *person) records() {
	for id, l := range p.leads {
		rec := p.m.Record(l, l.Clock(), nil)
		p.written[id]++
		rec.Revision = p.written[id]
		p.send(schemas.TopicLeads, rec)
		p.sent[fmt.Sprint(id, rec.Revision)] = true
	}
}

// snapshot is what the scores were at an instant, and which ids had none of their own.
type snapshot struct {
	at     int64
	scores map[string]float64
	joined []string
}

func at(at int64) *snapshot { return &snapshot{at: at, scores: map[string]float64{}} }

func (s *snapshot) of(p *person) {
	for id, l := range p.leads {
		switch {
		case l.Away() != "":
			s.joined = append(s.joined, id.String())
		case l.Clock() != 0:
			s.scores[id.String()] = p.m.Score(l, s.at)
		}
	}
}

// requireSnapshots asks the view for all of them.
func (r *rig) requireSnapshots(why string, list ...*snapshot) {
	r.Helper()
	for _, s := range list {
		got := r.scores("demo", time.UnixMilli(s.at).UTC())
		for id, want := range s.scores {
			require.InDelta(r, want, got[id], 1e-9, "%s: lead %s at %d", why, id, s.at)
		}
		for _, id := range s.joined {
			require.NotContains(r, got, id, "%s: an id that was joined has no score of its own", why)
		}
	}
}

// settleRows waits until all rows received after an instant are in the ledger, and the leads in their n-th record.
func (r *rig) settleRows(sent map[string]bool, since int64, revision int) {
	r.Helper()
	require.NoError(r, r.producer.Flush(r.Context()))
	r.eventually(fmt.Sprint(len(sent)), fmt.Sprintf("SELECT (SELECT count() FROM ledger FINAL WHERE toUnixTimestamp64Milli(received_at) > %d) + (SELECT count() FROM lead_state FINAL WHERE revision = %d)", since, revision))
}

// Promise 5 for people, in SQL: the ledger of all ids of a lead folds to the score that the worker has for it, at any
// instant, whatever was joined, split or joined again, and after the ledger has forgotten its old days.
func TestTheLedgerOfAPersonIsTheScoreOfTheJoinedLead(t *testing.T) {
	r := newRig(t)
	end := retentionNow.UnixMilli()
	begin := end - 110*dayMillis
	var people []*person
	sent := map[string]bool{}
	for number := range 9 {
		people = append(people, &person{rig: r, m: model.Default(), rng: rand.New(rand.NewPCG(7, uint64(number))), number: number,
			leads: map[schemas.LeadID]*model.Lead{}, written: map[schemas.LeadID]uint64{}, sent: sent})
	}
	// 0-2: a join each at any time. 3-5: one of them is split off again. 6-8: the second joins after days were forgotten.
	var moments []*snapshot
	for number, p := range people {
		p.live(begin, end, number/3, &moments)
	}
	run := r.start(quick())
	r.settleRows(sent, 0, 1)
	now, later := at(end), at(end+40*dayMillis)
	for _, p := range people {
		now.of(p)
		later.of(p)
	}
	r.requireSnapshots("joined", append(moments, now, later)...)
	require.NotEqual(t, "0", r.value("SELECT count() FROM lead_state FINAL WHERE own_through > toDate(0)"), "no lead has days of its own")

	for _, days := range []int{60, 31} {
		require.NoError(t, r.keeper(RetentionRule{Table: "ledger", Days: days}).foldLedgers(t.Context()))
		r.requireSnapshots(fmt.Sprintf("%d days are left", days), now, later)
	}
	clear(sent)
	after := at(end + dayMillis)
	for number, p := range people {
		if number >= 6 {
			p.joins(2, end+1000)
		}
		p.does(p.event(9999, number%3, end+2000), number%3)
		p.records()
		after.of(p)
	}
	r.settleRows(sent, end, 2)
	require.NoError(t, run.stopped())
	r.requireSnapshots("joined after days were forgotten", after)
}

// live plays 240 events with a join or two in the middle; kind 1 parts the first device again.
func (p *person) live(begin, end int64, kind int, moments *[]*snapshot) {
	const events = 240
	joinAt := []int{0, 40 + p.rng.IntN(150), 40 + p.rng.IntN(150)}
	if kind == 2 {
		joinAt[2] = -1
	}
	for i := range events {
		received := begin + (end-begin)*int64(i-i%12+1)/(events+1) + int64(i%12)*120_000 + p.rng.Int64N(60_000) // a busy day now and then
		who := p.rng.IntN(3)
		for device := 1; device < 3; device++ {
			if i == joinAt[device] {
				p.joins(device, received)
			}
		}
		if kind == 1 && i == 210 {
			p.parts(1)
		}
		p.does(p.event(i, who, received), who)
		if kind == 0 && i%40 == 11 {
			s := at(received)
			s.of(p)
			*moments = append(*moments, s)
		}
	}
	p.records()
}
