package scoring

import (
	"context"
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

// history is all that the topic holds, up to where each partition stood.
func (r *rig) history(_ context.Context, through map[int32]int64) (replay.Source, error) {
	all := TopicHistory([]kgo.Opt{kgo.SeedBrokers(r.addrs...)}, nil)
	return func(ctx context.Context, share, of int, each func(replay.History) error) error {
		return all(ctx, share, of, func(h replay.History) error {
			kept := h
			kept.Moments = nil
			for _, m := range h.Moments {
				if last, ours := through[m.Partition]; ours && m.Offset <= last {
					kept.Moments = append(kept.Moments, m)
				}
			}
			if kept.Moments == nil {
				return nil
			}
			return each(kept)
		})
	}, nil
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
	r := newRig(t, "", testPartitions)
	cfg := r.config()
	history := func(d *Deps) { d.History = r.history }
	w := r.start(cfg, history)
	events := old(visits(61, 3000, 50))
	r.send(events[:2000]...)
	r.settled(cfg.Group)
	before := len(r.read(schemas.TopicStages))
	m := published(t, 1)
	w.Use(m)
	r.send(events[2000:]...)
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
	before := len(r.read(schemas.TopicStages))
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
	before := len(r.read(schemas.TopicStages))
	m := published(t, 7)
	r.model = m
	r.send(events[1500:]...)
	again := r.start(cfg, func(d *Deps) { d.Model, d.History = m, r.history })
	r.settled(cfg.Group)
	again.stop()
	require.Positive(t, again.counter("leadstream_scoring_rescored_leads_total"))
	r.requirePublished(m, before, true)
}

// requirePublished compares with a replay. Stages have a memory (decision 005): events of the past that come after a
// fall find another stage than in a replay, so they are compared only where none do.
func (r *rig) requirePublished(m *model.Model, stagesBefore int, stages bool) {
	r.t.Helper()
	far := time.Now().UnixMilli() + 1000
	got := r.written()
	replayed, ledger := map[string]*model.Lead{}, map[string][]*pb.LedgerRow{}
	source, err := r.history(context.Background(), map[int32]int64{0: 1 << 40, 1: 1 << 40, 2: 1 << 40, 3: 1 << 40})
	require.NoError(r.t, err)
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
	require.Len(r.t, got.states, len(replayed))
	for id, want := range replayed {
		lead := got.states[id]
		m.Fire(lead, far, nil)
		require.Equal(r.t, m.Score(want, far), m.Score(lead, far), "score of %s, bit for bit", id)
		require.Equal(r.t, m.Score(want, far), model.FoldLedger(ledger[id], far), "ledger of %s, bit for bit", id)
		if stages {
			require.Equal(r.t, want.Stage(), lead.Stage(), id)
		}
	}
	for id, rec := range r.newest() {
		require.Equal(r.t, m.Version(), rec.ModelVersion, id)
	}
	rows, silent := r.read(schemas.TopicStages), 0
	for _, rec := range rows {
		row := new(pb.StageRow)
		require.NoError(r.t, proto.Unmarshal(rec.Value, row))
		if row.ModelVersion == m.Version() && row.Cause == "publish" {
			silent++
		}
	}
	require.Positive(r.t, silent, "a model that gives less moves somebody")
	require.GreaterOrEqual(r.t, len(rows)-stagesBefore, silent)
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
