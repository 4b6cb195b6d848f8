package scoring

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/scoringtest"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// fallers are leads whose fall comes while workers suffer: all of a soak's, a few new ones each second.
type fallers struct {
	rnd  *rand.Rand
	sent []scoringtest.Faller
	back []scoringtest.Faller // who come back after their fall: whoever is first makes it, their event or the timer
	next time.Time
}

// oneBatch is long enough for all that is sent at once to go in one batch a partition, of which the broker has
// all or nothing: with half of its past a lead falls at another instant, and rightly so.
const oneBatch = 30 * time.Millisecond

func newFallers() *fallers { return &fallers{rnd: rand.New(rand.NewPCG(4, 4))} }

// due are the events that are to be sent now. A fall lies 2 to 6 s ahead: far enough for its events to
// be folded before it, near enough for some worker to die in between.
func (f *fallers) due(now time.Time) (events []*pb.Event) {
	for len(f.back) > 0 && f.back[0].At+f.rnd.Int64N(1000) < now.UnixMilli() {
		events = append(events, comeBack(f.back[0], now))
		f.back = f.back[1:]
	}
	if now.Before(f.next) {
		return events
	}
	f.next = now.Add(time.Second)
	// A week of days: older ones would be closed by whoever looks at the lead next, and records differ in when.
	more := scoringtest.Fallers(f.rnd, "demo", fmt.Sprint("faller-", len(f.sent)), 4, 7, now.Add(2*time.Second), now.Add(6*time.Second))
	for _, faller := range more {
		events = append(events, faller.Events...)
	}
	f.sent, f.back = append(f.sent, more...), append(f.back, more[:2]...)
	return events
}

// comeBack is a visit of now.
func comeBack(f scoringtest.Faller, now time.Time) *pb.Event {
	ev := proto.CloneOf(f.Events[0])
	ev.EventId, ev.SessionId, ev.ViewId = "back-"+ev.AnonymousId, "back-"+ev.AnonymousId, "back-"+ev.AnonymousId
	ev.Type, ev.Path, ev.EngagedMs = "page", "/", 0
	ev.EventTime, ev.ReceivedAt = now.UnixMilli(), now.UnixMilli()
	return ev
}

// writtenFalls are the instants of the falls that stand in the topic, by lead, and how many were made before their instant.
func (r *rig) writtenFalls() (falls map[schemas.LeadID][]int64, early int) {
	r.t.Helper()
	falls = map[schemas.LeadID][]int64{}
	for _, rec := range r.read(schemas.TopicStages) {
		row := new(pb.StageRow)
		require.NoError(r.t, proto.Unmarshal(rec.Value, row))
		if row.Cause != "timer" {
			continue
		}
		falls[schemas.LeadID(row.LeadId)] = append(falls[schemas.LeadID(row.LeadId)], row.At)
		if rec.Timestamp.UnixMilli() < row.At {
			early++
		}
	}
	return falls, early
}

// awaitFalls waits until all of them have fallen; from then on they are part of the oracle's truth.
func (r *rig) awaitFalls(f *fallers) {
	r.t.Helper()
	require.NotEmpty(r.t, f.sent)
	for _, faller := range f.sent {
		r.fallenBy = max(r.fallenBy, faller.At)
	}
	time.Sleep(time.Until(time.UnixMilli(r.fallenBy).Add(timerGrace)))
	require.Eventually(r.t, func() bool {
		falls, _ := r.writtenFalls()
		return len(falls) >= len(f.sent)
	}, time.Minute, 200*time.Millisecond, "%d leads are to fall", len(f.sent))
}

// requireFalls wants one fall of each, dated at the instant that the model solved; where rows may be
// repeated, no other one.
func (r *rig) requireFalls(f *fallers, once bool) {
	r.t.Helper()
	falls, early := r.writtenFalls()
	require.Zero(r.t, early, "leads fell before their time")
	for _, faller := range f.sent {
		at := falls[faller.Lead]
		if !once {
			at = slices.Compact(at)
		}
		require.Equal(r.t, []int64{faller.At}, at, "lead %s of %s", faller.Lead, faller.Events[0].AnonymousId)
	}
	require.Len(r.t, falls, len(f.sent), "leads fell that were not to fall")
}
