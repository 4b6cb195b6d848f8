package scoring

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// stageMark is how far the stages topic had come before a publication, and what was sent after that.
type stageMark struct {
	next      map[int32]int64
	meanwhile []*pb.Event
}

func (r *rig) stagesNow() stageMark {
	r.t.Helper()
	mark := stageMark{next: map[int32]int64{}}
	for _, rec := range r.read(schemas.TopicStages) {
		mark.next[rec.Partition] = max(mark.next[rec.Partition], rec.Offset+1)
	}
	return mark
}

// requireSilent: since the mark nothing was written but a row with cause publish for each lead that the publication moved, and
// rows of the events that were sent meanwhile: what they caused, and the falls of their leads.
func (r *rig) requireSilent(m *model.Model, since stageMark) {
	r.t.Helper()
	events, leads := map[string]bool{}, map[schemas.LeadID]bool{}
	for _, ev := range since.meanwhile {
		events[ev.EventId] = true
		for _, key := range []string{schemas.EventKey(ev.Site, ev.AnonymousId, ""), schemas.EventKey(ev.Site, "", ev.UserId)} {
			leads[schemas.NewLeadID(key)] = true
		}
	}
	silent := map[schemas.LeadID]int{}
	for _, rec := range r.read(schemas.TopicStages) {
		if rec.Offset < since.next[rec.Partition] {
			continue
		}
		row := new(pb.StageRow)
		require.NoError(r.t, proto.Unmarshal(rec.Value, row))
		id := schemas.LeadID(row.LeadId)
		switch row.Cause {
		case schemas.CausePublish:
			require.Equal(r.t, m.Version(), row.ModelVersion, "%s", id)
			silent[id]++
			// A lead whose ids are joined while leads go over is scored once more.
			require.True(r.t, silent[id] == 1 || leads[id], "%s goes over once: %v", id, row)
		case schemas.CauseTimer:
			require.True(r.t, leads[id], "%s fell, and nobody had sent anything of it: %v", id, row)
		default:
			require.True(r.t, events[row.CauseEventId], "the publication told somebody: %v", row)
		}
	}
	require.NotEmpty(r.t, silent, "a model that gives other points moves somebody")
}
