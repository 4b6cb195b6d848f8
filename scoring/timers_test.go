package scoring

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

const day = 24 * time.Hour

// shifted is a wall clock that the test can move.
type shifted struct{ by atomic.Int64 }

func (c *shifted) now() time.Time      { return time.Now().Add(time.Duration(c.by.Load())) }
func (c *shifted) add(d time.Duration) { c.by.Add(int64(d)) }
func (c *shifted) deps(d *Deps)        { d.Now = c.now }
func fallText(row *pb.StageRow) string {
	return fmt.Sprintf("%x %d %s>%s at %d, %s by %s, score %v", row.LeadId, row.EntryNo, row.From, row.To, row.At, row.Direction, row.Cause, row.Score)
}

// fallen is the oracle's stages with all falls up to now.
func (r *rig) fallen(now time.Time) (rows []string, states map[string]*model.Lead) {
	want := r.oracle()
	for _, row := range r.oracleRows() {
		rows = append(rows, fallText(row))
	}
	for _, lead := range want.states {
		for _, row := range r.model.Fire(lead, now.UnixMilli(), nil).Stages {
			rows = append(rows, fallText(row))
		}
	}
	return rows, want.states
}

// oracleRows are the stage rows that events alone cause.
func (r *rig) oracleRows() (rows []*pb.StageRow) {
	states := map[schemas.LeadID]*model.Lead{}
	for _, rec := range r.read(schemas.TopicEvents) {
		id, ev, no := decode(rec)
		if no != nil {
			continue
		}
		if states[id] == nil {
			states[id] = model.NewLead(id, ev.Site)
		}
		rows = append(rows, r.model.Apply(states[id], ev, nil).Stages...)
	}
	return rows
}

// stageRows are those that stand in the topic.
func (r *rig) stageRows() (rows []string) {
	for _, rec := range r.read(schemas.TopicStages) {
		row := new(pb.StageRow)
		require.NoError(r.t, proto.Unmarshal(rec.Value, row))
		rows = append(rows, fallText(row))
	}
	return rows
}

func (r *rig) requireFallen(now time.Time) {
	r.t.Helper()
	rows, states := r.fallen(now)
	r.sameRows("stages", rows, r.stageRows())
	got := r.written().states
	require.Len(r.t, got, len(states))
	for id, want := range states {
		at := now.UnixMilli()
		require.Equal(r.t, want.Stage(), got[id].Stage(), "stage of %s", id)
		require.Equal(r.t, r.model.Score(want, at), r.model.Score(got[id], at), "score of %s, bit for bit", id)
	}
}

func timerRows(rows []string) (n int) {
	for _, row := range rows {
		if strings.Contains(row, "by timer") {
			n++
		}
	}
	return n
}

func TestALeadFallsByItselfAtTheSolvedInstant(t *testing.T) {
	r := newRig(t, "", testPartitions)
	clock := &shifted{}
	r.send(visits(1, 600, 15)...)
	w := r.start(r.config(), clock.deps)
	r.settled(w.cfg.Group)
	require.Zero(t, timerRows(r.stageRows()), "nothing is due yet")
	clock.add(90 * day)
	want, _ := r.fallen(clock.now())
	require.Greater(t, timerRows(want), 10, "the test's leads do not fall: it tests nothing")
	require.Eventually(t, func() bool { return len(r.stageRows()) >= len(want) }, time.Minute, 50*time.Millisecond)
	w.stop()
	r.requireFallen(clock.now())
	require.GreaterOrEqual(t, w.counter("leadstream_scoring_timers_fired_total"), 10.0)
}

func TestFallsMissedWhileNobodyRanAreMadeAtTheStart(t *testing.T) {
	r := newRig(t, "", testPartitions)
	r.send(visits(1, 600, 15)...)
	w := r.start(r.config())
	r.settled(w.cfg.Group)
	w.stop()
	clock := &shifted{}
	clock.add(90 * day)
	want, _ := r.fallen(clock.now())
	for range 2 { // the second start has nothing left to do
		w = r.start(r.config(), clock.deps)
		require.Eventually(t, func() bool { return len(r.stageRows()) >= len(want) }, time.Minute, 50*time.Millisecond)
		w.stop()
		r.requireFallen(clock.now())
	}
}

func TestTimersDoNotRunAheadOfABacklog(t *testing.T) {
	r := newRig(t, "", testPartitions)
	rnd := rand.New(rand.NewPCG(7, 7))
	events := visits(1, 800, 15)
	for i, ev := range events { // eight campaigns, two months apart
		shift := (time.Duration(i/100) * 60 * day).Milliseconds()
		ev.ReceivedAt += shift
		ev.EventTime += shift - rnd.Int64N(1000)
	}
	r.send(events...)
	clock := &shifted{}
	clock.add(600 * day)
	cfg := r.config()
	cfg.MaxRecords, cfg.CommitInterval = 10, time.Millisecond
	w := r.start(cfg, clock.deps)
	r.settled(cfg.Group)
	want, _ := r.fallen(clock.now())
	require.Greater(t, timerRows(want), 20, "the test's leads do not fall: it tests nothing")
	require.Eventually(t, func() bool { return len(r.stageRows()) >= len(want) }, time.Minute, 50*time.Millisecond)
	w.stop()
	r.requireFallen(clock.now())
}

// keep stores an empty lead with a timer.
func (s *leads) keep(id schemas.LeadID, due int64) { s.store(model.NewLead(id, "demo"), due) }

func TestDueSkipsTimersOfLeadsThatMovedOn(t *testing.T) {
	s := newLeads()
	s.lookAhead(0)
	for i := range 5 {
		s.keep(schemas.LeadID{byte(i)}, int64(100+i))
	}
	s.keep(schemas.LeadID{0}, 500) // later now
	s.keep(schemas.LeadID{1}, 0)   // never now
	s.forget(schemas.LeadID{2})
	require.Empty(t, s.due(99, 10))
	require.Equal(t, []schemas.LeadID{{3}}, s.due(103, 10))
	require.Equal(t, []schemas.LeadID{{4}}, s.due(1000, 1))
	require.Equal(t, []schemas.LeadID{{0}}, s.due(1000, 10))
	_, any := s.timers.next()
	require.False(t, any)
}

func TestABusyLeadDoesNotFillTheHeap(t *testing.T) {
	s := newLeads()
	s.lookAhead(0)
	id := schemas.LeadID{1}
	for i := range 100_000 {
		s.keep(id, int64(1_000_000+i))
	}
	require.Less(t, len(s.timers.heap), 2000)
	require.Less(t, s.rows.bytes, int64(100*chunkSize))
	require.Equal(t, []schemas.LeadID{id}, s.due(2_000_000, 10))
}

// The heap holds the next two hours; what lies beyond is found when it comes near.
func TestATimerWeeksAheadIsFoundInTime(t *testing.T) {
	s := newLeads()
	for i := range 50 {
		s.keep(schemas.LeadID{byte(i)}, int64(i+1)*7*day.Milliseconds())
	}
	fired := map[schemas.LeadID]int64{}
	for now := int64(0); now < 60*7*day.Milliseconds(); now += 1_800_000 {
		s.lookAhead(now)
		require.LessOrEqual(t, len(s.timers.heap), 1)
		for _, id := range s.due(now, 10) {
			fired[id] = now
			s.keep(id, 0)
		}
	}
	require.Len(t, fired, 50)
	for id, at := range fired {
		require.Equal(t, int64(id[0]+1)*7*day.Milliseconds(), at)
	}
}

func TestTheClockOfABacklogIsWhatWasRead(t *testing.T) {
	p := newPartition(0, 50_000)
	p.high, p.next, p.watermark = fence{10, 0}, fence{5, 0}, 40_000
	require.Equal(t, int64(40_000), p.clock(55_000))
	p.next.events = 10
	require.Equal(t, 55_000-timerGrace.Milliseconds(), p.clock(55_000), "all is read: the wall clock")
	p.high.routed = 3
	require.Equal(t, int64(40_000), p.clock(55_000), "routed has a backlog")
	require.Equal(t, 65_000-timerGrace.Milliseconds(), p.clock(65_000), "a transaction without its marker is never seen")
}

// The loop looks at a timer within a second of its instant, and not before: a poll never waits past it.
func TestATimerIsLookedAtWithinASecondOfItsInstant(t *testing.T) {
	instant := time.UnixMilli(1_767_603_600_000)
	for _, before := range []time.Duration{time.Hour, time.Second, 400 * time.Millisecond, 0} {
		now := instant.Add(-before)
		s := &session{Worker: &Worker{cfg: DefaultConfig(), now: func() time.Time { return now }}, parts: map[int32]*partition{}}
		p := newPartition(0, now.Add(-time.Hour).UnixMilli())
		p.model = model.Default()
		s.parts[0] = p
		s.ready.Store(true)
		p.leads.lookAhead(now.UnixMilli())
		p.leads.keep(schemas.LeadID{1}, instant.UnixMilli())
		for !s.timersDue() {
			wait := s.patience()
			require.Positive(t, wait)
			now = now.Add(wait) // nothing comes: the poll waits as long as it may
			require.False(t, now.After(instant.Add(time.Second)), "looked at %s after its instant", now.Sub(instant))
		}
		require.False(t, now.Before(instant))
	}
}
