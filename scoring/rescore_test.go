package scoring

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
)

// published is the built-in model with cheaper prices, as a publication.
func published(t testing.TB, number int) *model.Model {
	t.Helper()
	return publishedAs(number, time.Now().UnixMilli())
}

func publishedAs(number int, at int64) *model.Model {
	text := strings.ReplaceAll(strings.Replace(string(model.DefaultText()), "points: 12", "points: 3", 1), "points: 30", "points: 2")
	m, err := model.LoadPublished([]byte(text), "published.yml", number, at)
	if err != nil {
		panic(err)
	}
	return m
}

// history is what the topic holds, up to where each partition stood, and of people all that stood then.
func (r *rig) history(ctx context.Context, past Past) (replay.Source, error) {
	leads := map[schemas.LeadID]*replay.History{}
	until := map[int32]int64{}
	for num, last := range past.Through {
		until[num] = last + 1
	}
	err := TopicMoments(ctx, []kgo.Opt{kgo.SeedBrokers(r.addrs...)}, nil, until, func(id schemas.LeadID, m replay.Moment) {
		person, is := past.People[id]
		if !is {
			person = id
		}
		if is || slices.Contains(past.Whole, m.Partition) {
			gather(leads, person, m)
		}
	})
	return func(_ context.Context, share, of int, each func(replay.History) error) error {
		for id, h := range leads {
			if int(id[0])%of != share {
				continue
			}
			if err := each(*h); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// old makes events happen long ago, so that their days are folded: only their history can be scored anew.
func old(events []*pb.Event) []*pb.Event {
	for i, ev := range events {
		shift := int64(60*24) * 3600 * 1000 * int64(len(events)-i) / int64(len(events))
		ev.EventTime, ev.ReceivedAt = ev.EventTime-shift, ev.ReceivedAt-shift
	}
	return events
}

// A published model scores all history anew, while events go on coming: every lead ends where a
// replay of its whole history under the model ends, the ledger of the publication folds to that score,
// nothing but silent rows is written, and a restart believes it.
func TestAPublishedModelScoresHistoryAnew(t *testing.T) {
	t.Parallel() // most of it is waiting
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	history := func(d *Deps) { d.History = r.history }
	w := r.start(cfg, history)
	events := old(visits(61, 3000, 50))
	r.send(events[:2000]...)
	r.settled(cfg.Group)
	before := r.stagesNow()
	m := published(t, 1)
	w.Use(m)
	r.send(events[2000:]...)
	before.meanwhile = events[2000:]
	r.settled(cfg.Group)
	require.Eventually(t, func() bool {
		return w.counter("leadstream_scoring_rescored_leads_total") >= 50 && w.gauge("leadstream_scoring_model_info", m.Version()) == 1
	}, 60*time.Second, 20*time.Millisecond)
	r.settled(cfg.Group)
	w.stop()
	r.model = m
	r.requirePublished(m, before, false)
	// A worker that begins under the publication finds everything scored.
	again := r.start(cfg, history, func(d *Deps) { d.Model = m })
	r.settled(cfg.Group)
	again.stop()
	require.Zero(t, again.counter("leadstream_scoring_rescored_leads_total"))
	r.requirePublished(m, before, false)
}

// When nothing comes meanwhile the stages, too, are those of a replay.
func TestAPublishedModelMovesStagesAsAReplayDoes(t *testing.T) {
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	w := r.start(cfg, func(d *Deps) { d.History = r.history })
	r.send(old(visits(63, 2000, 40))...)
	r.settled(cfg.Group)
	before := r.stagesNow()
	m := published(t, 2)
	w.Use(m)
	require.Eventually(t, func() bool { return w.counter("leadstream_scoring_rescored_leads_total") >= 40 }, 60*time.Second, 20*time.Millisecond)
	w.stop()
	r.model = m
	r.requirePublished(m, before, true)
}

// A worker that was away while a model was published scores its history anew before it folds anything.
func TestAWorkerThatWasAwayScoresHistoryAnewFirst(t *testing.T) {
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	cfg.SnapshotDir = t.TempDir()
	w := r.start(cfg)
	events := old(visits(62, 2000, 40))
	r.send(events[:1500]...)
	r.settled(cfg.Group)
	w.stop()
	before := r.stagesNow()
	m := published(t, 7)
	r.model = m
	r.send(events[1500:]...)
	before.meanwhile = events[1500:]
	again := r.start(cfg, func(d *Deps) { d.Model, d.History = m, r.history })
	r.settled(cfg.Group)
	again.stop()
	require.Positive(t, again.counter("leadstream_scoring_rescored_leads_total"))
	r.requirePublished(m, before, true)
}

// requirePublished compares with a replay. Stages have a memory (decision 005): events of the past that come after a
// fall find another stage than in a replay, so they are compared only where none do.
func (r *rig) requirePublished(m *model.Model, since stageMark, stages bool) {
	r.t.Helper()
	far := time.Now().UnixMilli() + 1000
	got := r.written()
	replayed, ledger := map[string]*model.Lead{}, map[string][]*pb.LedgerRow{}
	source := TopicHistory([]kgo.Opt{kgo.SeedBrokers(r.addrs...)})
	var progress replay.Progress
	require.NoError(r.t, replay.Run(context.Background(), source, 1, &progress, func(_ int, h replay.History) error {
		if lead := replay.Play(m, h, far, nil); lead != nil {
			replayed[h.ID.String()] = lead
		}
		return nil
	}))
	for _, rec := range r.read(schemas.TopicLedger) {
		row := new(pb.LedgerRow)
		require.NoError(r.t, proto.Unmarshal(rec.Value, row))
		ledger[schemas.LeadID(row.LeadId).String()] = append(ledger[schemas.LeadID(row.LeadId).String()], row)
	}
	stand := 0
	for _, lead := range got.states {
		if lead.Away() == "" {
			stand++
		}
	}
	require.Equal(r.t, stand, len(replayed))
	exact := 0
	for id, want := range replayed {
		lead := got.states[id]
		m.Fire(lead, far, nil)
		var mine []*pb.LedgerRow
		apart := int32(0)
		for of := range lead.IDs {
			mine = append(mine, ledger[of.String()]...)
			apart = max(apart, lead.Apart()[of])
		}
		require.Equal(r.t, m.Score(lead, far), model.FoldJoined(mine, far, lead.Apart()), "ledger of %s, bit for bit", id)
		if apart > 0 {
			continue // joined after the publication: days that had closed keep each id's limits (decision 021)
		}
		exact++
		require.Equal(r.t, m.Score(want, far), m.Score(lead, far), "score of %s, of %d joined ids, bit for bit", id, lead.Joined())
		if stages {
			require.Equal(r.t, want.Stage(), lead.Stage(), id)
		}
	}
	require.Greater(r.t, 2*exact, stand, "most leads can be compared")
	for id, rec := range r.newest() {
		require.Equal(r.t, m.Version(), rec.ModelVersion, id)
	}
	r.requireSilent(m, since)
}

// People who said who they are on some of their devices, in all partitions, before, while and after a model is
// published: each is worth what their events are under it as one lead, and so is every id that nobody joined.
func TestAPublishedModelScoresPeopleAnew(t *testing.T) {
	t.Parallel() // most of it is waiting
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			r := newRig(t, "", testPartitions)
			var staff []*running
			history := func(d *Deps) { d.History = r.history }
			for i := range workers {
				cfg := r.config()
				cfg.TransactionalID = fmt.Sprint("people-", i)
				staff = append(staff, r.start(cfg, history))
			}
			group := r.config().Group
			// The past is long; what comes while leads go over is of the last days: who is a week behind counts no more.
			events := old(people(71, 1500, 40))
			for _, ev := range events {
				ev.EventTime, ev.ReceivedAt = ev.EventTime-8*day.Milliseconds(), ev.ReceivedAt-8*day.Milliseconds()
			}
			for i, ev := range people(72, 1500, 40) {
				back := int64(1500-i) * 4 * day.Milliseconds() / 1500
				ev.EventTime, ev.ReceivedAt = ev.EventTime-back, ev.ReceivedAt-back
				events = append(events, ev)
			}
			r.send(events[:1500]...)
			r.settledRouted(group)
			before := r.stagesNow()
			m := published(t, 4)
			for _, w := range staff {
				w.Use(m)
			}
			before.meanwhile = events[1500:]
			for at := 1500; at < len(events); at += 50 { // ids are joined while leads go over
				r.send(events[at : at+50]...)
				time.Sleep(15 * time.Millisecond)
			}
			r.settledRouted(group)
			r.overTo(m)
			r.model = m
			r.requirePublished(m, before, false)

			before = r.stagesNow() // nothing moves any more: all are compared
			m, err := model.LoadPublished(model.DefaultText(), "default.yml", 5, time.Now().UnixMilli())
			require.NoError(t, err)
			for _, w := range staff {
				w.Use(m)
			}
			r.overTo(m)
			for _, w := range staff {
				w.stop()
			}
			r.model = m
			r.requirePublished(m, before, false)
			for id, rec := range r.newest() {
				for _, j := range rec.Joined {
					require.Positive(t, j.United, id)
				}
			}
			joined := 0
			for _, rec := range r.newest() {
				joined += len(rec.Joined)
			}
			require.Greater(t, joined, 40)
		})
	}
}

// overTo waits until every lead is of a publication.
func (r *rig) overTo(m *model.Model) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		for _, rec := range r.newest() {
			if rec.ModelVersion != m.Version() {
				return false
			}
		}
		return true
	}, 90*time.Second, 100*time.Millisecond, "some lead is still of the old model")
}

// newest are the leads' last records.
func (r *rig) newest() map[string]*pb.LeadRecord {
	out := map[string]*pb.LeadRecord{}
	for _, rec := range r.read(schemas.TopicLeads) {
		lead := new(pb.LeadRecord)
		require.NoError(r.t, proto.Unmarshal(rec.Value, lead))
		out[string(rec.Key)] = lead
	}
	return out
}
