package scoring

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// people are visitors with three devices each, who say who they are on two of them,
// now and then, and on the third never.
func people(seed uint64, n, persons int) []*pb.Event {
	rng := rand.New(rand.NewPCG(seed, 3))
	out := visits(seed, n, persons)
	for i, ev := range out {
		person, device := rng.IntN(persons), rng.IntN(3)
		ev.EventId = fmt.Sprintf("p%d-%d", seed, i)
		ev.AnonymousId = fmt.Sprintf("dev-%d-%d", person, device)
		if device < 2 && rng.IntN(6) == 0 {
			ev.UserId = fmt.Sprintf("user-%d", person)
			if rng.IntN(3) == 0 {
				ev.AnonymousId = ""
			}
		}
	}
	return out
}

// settledRouted waits until nothing is on its way between homes any more.
func (r *rig) settledRouted(group string) {
	r.t.Helper()
	r.settled(group)
	require.Eventually(r.t, func() bool {
		committed, err := r.admin.FetchOffsets(context.Background(), group)
		require.NoError(r.t, err)
		for _, rec := range r.read(schemas.TopicRouted) {
			if o, ok := committed.Lookup(rec.Topic, rec.Partition); !ok || o.At <= rec.Offset {
				return false
			}
		}
		return true
	}, 90*time.Second, 50*time.Millisecond, "records of routed are still on their way")
}

// requirePeople wants one lead a person that said who it is, with the very score of
// all events of its ids, and every row of the ledger once.
func (r *rig) requirePeople(events []*pb.Event, once bool) {
	r.t.Helper()
	want, person, at := r.oraclePeople(events)
	newest := r.newestLeads()
	rows, seen := r.ledgerByLead()
	at += int64(30 * 24 * time.Hour / time.Millisecond)
	joined := 0
	for key, w := range want {
		rec := newest[schemas.NewLeadID(key).String()]
		if w.Clock() == 0 {
			continue // only bots
		}
		require.NotNil(r.t, rec, "%s has no lead", key)
		require.Empty(r.t, rec.MergedInto, "%s was handed away", key)
		lead, err := r.model.Restore(rec)
		require.NoError(r.t, err)
		require.Equal(r.t, math.Float64bits(r.model.Score(w, at)), math.Float64bits(r.model.Score(lead, at)), "%s: want %v, got %v", key, r.model.Score(w, at), r.model.Score(lead, at))
		mine := rows[lead.ID()]
		for _, j := range rec.Joined {
			mine = append(mine, rows[schemas.LeadID(j.LeadId)]...)
			joined++
		}
		require.Equal(r.t, math.Float64bits(model.FoldJoined(mine, at, lead.Apart())), math.Float64bits(r.model.Score(lead, at)), "%s: the ledger folds to something else", key)
	}
	for device, user := range person {
		rec := newest[schemas.NewLeadID(device).String()]
		require.NotNil(r.t, rec, "%s says nothing of where it went", device)
		require.Equal(r.t, schemas.NewLeadID(user), schemas.LeadID(rec.MergedInto), "%s does not lead to %s", device, user)
	}
	require.Greater(r.t, joined, 5)
	for row, n := range seen {
		if once {
			require.Equal(r.t, 1, n, "counted twice: %s", row)
		}
	}
}

// oraclePeople folds all events of each person's ids in their order; at is the newest.
func (r *rig) oraclePeople(events []*pb.Event) (want map[string]*model.Lead, person map[string]string, at int64) {
	want, person = map[string]*model.Lead{}, map[string]string{} // person: device -> user
	for _, ev := range events {
		at = max(at, ev.ReceivedAt)
		if ev.UserId != "" && ev.AnonymousId != "" && !ev.Bot {
			person["demo/"+ev.AnonymousId] = "demo/" + ev.UserId
		}
	}
	for _, ev := range events {
		key := schemas.OriginKey("demo", ev.AnonymousId, ev.UserId)
		if to := person[key]; to != "" {
			key = to
		}
		if want[key] == nil {
			want[key] = model.NewLead(schemas.NewLeadID(key), "demo")
		}
		r.model.Apply(want[key], ev, nil)
	}
	return want, person, at
}

// newestLeads is the last record of every lead.
func (r *rig) newestLeads() map[string]*pb.LeadRecord {
	r.t.Helper()
	newest := map[string]*pb.LeadRecord{}
	for _, rec := range r.read(schemas.TopicLeads) {
		lead := new(pb.LeadRecord)
		require.NoError(r.t, proto.Unmarshal(rec.Value, lead))
		if id, err := schemas.LeadOfRecord(rec.Key); err == nil && lead.Track == r.model.Track() {
			newest[id.String()] = lead
		}
	}
	return newest
}

// ledgerByLead is all rows, and how often each counted one was written.
func (r *rig) ledgerByLead() (rows map[schemas.LeadID][]*pb.LedgerRow, seen map[string]int) {
	r.t.Helper()
	rows, seen = map[schemas.LeadID][]*pb.LedgerRow{}, map[string]int{}
	for _, rec := range r.read(schemas.TopicLedger) {
		row := new(pb.LedgerRow)
		require.NoError(r.t, proto.Unmarshal(rec.Value, row))
		if row.Track != r.model.Track() {
			continue
		}
		rows[schemas.LeadID(row.LeadId)] = append(rows[schemas.LeadID(row.LeadId)], row)
		if row.Counted && !row.Once {
			seen[fmt.Sprint(row.EventId, row.Rule, row.UnitKey, row.Units)]++
		}
	}
	return rows, seen
}

// TestPeopleAreOneLeadWhateverIsKilled: ids joined across partitions, workers
// killed at any moment, one alone or two in turn; every person is one lead with the
// score of all of its events.
func TestPeopleAreOneLeadWhateverIsKilled(t *testing.T) {
	for name, c := range map[string]struct {
		workers int
		env     []string
	}{
		"one worker":                       {1, nil},
		"two workers":                      {2, nil},
		"one with fresh transactional ids": {1, []string{childFresh + "=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.env != nil && testing.Short() {
				return // waits for the broker to end what dead workers left open
			}
			t.Parallel() // most of it is waiting
			r := newRig(t, t.TempDir(), testPartitions)
			var events []*pb.Event
			stop, fed := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(fed)
				for seed := uint64(1); ; seed++ {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
						more := people(seed, 50, 12)
						r.send(more...)
						r.send(more[:5]...) // repeats
						events = append(events, more...)
					}
				}
			}()
			group := DefaultConfig().Group
			start := func(i int) func() {
				return r.child(append([]string{childID + fmt.Sprintf("=people-%d", i)}, c.env...)...)
			}
			kills := make([]func(), c.workers)
			for i := range kills {
				kills[i] = start(i)
			}
			for i := range 4 {
				r.progress(group)
				time.Sleep(time.Duration(11*i) * 10 * time.Millisecond)
				kills[i%c.workers]()
				kills[i%c.workers] = start(i % c.workers)
			}
			close(stop)
			<-fed
			r.settledRouted(group)
			for _, kill := range kills {
				kill()
			}
			r.requirePeople(events, c.env == nil)
		})
	}
}

// TestAPersonsWordMergesAndSplits: two known ids, joined and parted by command.
func TestAPersonsWordMergesAndSplits(t *testing.T) {
	r := newRig(t, "", testPartitions)
	events := visits(9, 400, 2)
	now := time.Now().UnixMilli()
	for i, ev := range events {
		ev.AnonymousId, ev.UserId = "", fmt.Sprintf("user-%d", i%2)
	}
	r.send(events...)
	w := r.start(r.config())
	r.settledRouted(w.cfg.Group)
	say := func(joined bool, at int64) {
		id := schemas.NewLeadID("demo/user-1")
		b, err := proto.Marshal(&pb.Routed{LeadId: id[:], Cause: "c", What: &pb.Routed_Verdict{Verdict: &pb.Verdict{Key: "demo/user-0", Joined: joined, At: at, Hash: 1}}})
		require.NoError(t, err)
		r.sendRaw(schemas.TopicRouted, "demo/user-1", b)
		r.settledRouted(w.cfg.Group)
	}
	newest := func(key string) *pb.LeadRecord { return r.newestLead(schemas.NewLeadID(key)) }
	before := newest("demo/user-0").Score
	alone := newest("demo/user-1").Score

	say(true, now)
	one, both := newest("demo/user-1"), newest("demo/user-0")
	zero := schemas.NewLeadID("demo/user-0")
	require.Equal(t, zero[:], one.MergedInto)
	require.Zero(t, one.Score)
	require.Len(t, both.Joined, 1)
	require.Equal(t, "user-1", both.Joined[0].Id)
	require.True(t, both.Joined[0].Known)
	require.GreaterOrEqual(t, both.Score, max(before, alone)-40)

	say(false, now+1)
	one, both = newest("demo/user-1"), newest("demo/user-0")
	require.Empty(t, one.MergedInto)
	require.Empty(t, both.Joined)
	for i, rec := range []*pb.LeadRecord{both, one} {
		plain := model.NewLead(schemas.NewLeadID(fmt.Sprintf("demo/user-%d", i)), "demo")
		for _, ev := range events {
			if ev.UserId == fmt.Sprintf("user-%d", i) {
				r.model.Apply(plain, ev, nil)
			}
		}
		lead, err := r.model.Restore(rec)
		require.NoError(t, err)
		at := max(plain.Clock(), lead.Clock()) + 1
		require.Equal(t, r.model.Score(plain, at), r.model.Score(lead, at))
	}
	w.stop()
}
