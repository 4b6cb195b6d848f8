package main

import (
	"context"
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
	live := h.states(t)
	require.Greater(t, len(live), 700)
	far, leads, whole := time.Now().UnixMilli(), 0, 0
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
		require.Equal(t, m.Score(restored, far), m.Score(lead, far), "%s", hist.ID)
		if restored.Linked() {
			return nil // parts that were joined on the way, with one row for it; the points are the same
		}
		whole++
		m.Fire(restored, far, nil)
		m.Fold(restored, restored.Clock())
		m.Fold(lead, lead.Clock())
		a, b := m.Record(restored, 0, nil), m.Record(lead, 0, nil)
		b.Revision = a.Revision
		require.Equal(t, prototext.Format(a), prototext.Format(b), "%s", hist.ID)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, standAlone(live), leads)
	t.Logf("%d of %d leads compared whole", whole, leads)
	require.Greater(t, whole, 600)
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
