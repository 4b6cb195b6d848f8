package main

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"
	"leadstream/scoring/replay"
)

// What the tables hold of a lead is what its history says, before a publication and after one.

// requireReplayIsLive plays table events again and compares with the records that the workers wrote.
func (h *house) requireReplayIsLive(t *testing.T) {
	conn, m := h.connect(t), model.Default()
	far, leads, whole, moved := time.Now().UnixMilli(), 0, 0, 0
	// `simulate` waits for its visitors; the last of what it imported may still be on its way.
	require.Eventually(t, func() bool { return maps.Equal(h.playedAnew(t, far), h.scores(t, far)) }, 2*time.Minute, time.Second, "scores never came to what table events gives")
	live := h.states(t)
	require.Greater(t, len(live), 700)
	err := storedHistory{conn: conn, people: true}.source(context.Background(), 0, 1, func(hist replay.History) error {
		hist.Arrange()
		lead, want := replay.Play(m, hist, far, nil), live[hist.ID]
		if lead == nil {
			require.Nil(t, want)
			return nil
		}
		leads++
		restored, err := m.Restore(want)
		require.NoError(t, err)
		m.Fire(restored, far, nil)
		m.Fold(restored, restored.Clock())
		m.Fold(lead, lead.Clock())
		if restored.Linked() { // its parts came one by one, with one row for it (decision 005): its path may be another, its points are not
			recent := lead.Clock() == restored.Clock()
			require.Equal(t, points(m, lead, far, recent), points(m, restored, far, recent), "%s, of %d joined ids", hist.ID, restored.Joined())
			if lead.Stage() != restored.Stage() {
				moved++
			}
			return nil
		}
		whole++
		require.Equal(t, m.Explain(lead, far), m.Explain(restored, far), "%s", hist.ID)
		a, b := m.Record(restored, 0, nil), m.Record(lead, 0, nil)
		b.Revision = a.Revision
		require.Equal(t, prototext.Format(a), prototext.Format(b), "%s", hist.ID)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, standAlone(live), leads)
	t.Logf("%d of %d leads compared whole, %d of the others in another stage", whole, leads, moved)
	require.Greater(t, whole, 600)
	require.Less(t, 20*moved, leads-whole)
}

// points are all that an explanation says but where the lead stands and what would move it. Which hits are recent is only said of
// leads with one clock: a part that fell while it stood alone brings the clock of its fall along, and days that are over by that are folded.
func points(m *model.Model, l *model.Lead, at int64, recent bool) schemas.Explanation {
	x := m.Explain(l, at)
	if !recent {
		x.Details, x.DetailsZH = "", ""
		for i := range x.Rules {
			x.Rules[i].RecentHits = 0
		}
	}
	x.Stage, x.SubStage, x.Next, x.Falls, x.Sentence, x.SentenceZH = schemas.StageName{}, nil, nil, nil, "", ""
	return x
}

// requirePreviewed wants of every lead what the preview said.
func requirePreviewed(t *testing.T, m *model.Model, states map[schemas.LeadID]*pb.LeadRecord, preview replay.Diff, at time.Time) {
	t.Helper()
	joined := 0
	for _, c := range preview.Changes {
		id, err := schemas.ParseLeadID(c.Lead)
		require.NoError(t, err)
		require.Equal(t, m.Version(), states[id].ModelVersion)
		lead, err := m.Restore(states[id])
		require.NoError(t, err)
		joined += lead.Joined()
		m.Fire(lead, at.UnixMilli(), nil)
		require.Equal(t, c.New.Score, m.Score(lead, at.UnixMilli()), "score of %s, of %d joined ids, bit for bit", c.Lead, lead.Joined())
		x := m.Explain(lead, at.UnixMilli())
		require.Equal(t, c.New.Grade, x.Grade)
		require.Equal(t, c.New.Stage, x.Stage.ID)
	}
	require.Greater(t, len(preview.Changes), 50)
	require.Positive(t, joined)
}

// requireScoredAnew plays every history under the published model: each lead, whether anybody sees a change or not, is worth what
// its history is, to the bit, stands where that leaves it, and will fall when that will.
func (h *house) requireScoredAnew(t *testing.T, m *model.Model, states map[schemas.LeadID]*pb.LeadRecord, at int64) {
	t.Helper()
	played := 0
	err := storedHistory{conn: h.connect(t), people: true}.source(t.Context(), 0, 1, func(hist replay.History) error {
		hist.Arrange()
		want, record := replay.Play(m, hist, at, nil), states[hist.ID]
		if want == nil {
			require.Nil(t, record)
			return nil
		}
		played++
		require.NotNil(t, record, "%s", hist.ID)
		lead, err := m.Restore(record)
		require.NoError(t, err)
		m.Fire(lead, at, nil)
		require.Equal(t, standing(m, want, at), standing(m, lead, at), "%s, of %d joined ids", hist.ID, lead.Joined())
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, standAlone(states), played)
}

// standing is what a publication promises of a lead.
func standing(m *model.Model, l *model.Lead, at int64) replay.Side {
	return replay.Side{Score: m.Score(l, at), Grade: m.Explain(l, at).Grade, Stage: l.Stage(), FallsAt: m.Record(l, 0, nil).GetFallsAt()}
}

// standAlone counts the leads that are not joined to another: those count for it.
func standAlone(states map[schemas.LeadID]*pb.LeadRecord) (n int) {
	for _, r := range states {
		if len(r.GetMergedInto()) == 0 {
			n++
		}
	}
	return n
}
