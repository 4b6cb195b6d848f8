package sink

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/schemas/pb"
)

// readStage decodes and checks a transition's record.
func readStage(rec *kgo.Record) (*pb.StageRow, *refusal) {
	row := new(pb.StageRow)
	if err := decode(rec, row); err != nil {
		return nil, err
	}
	if err := checkLead(row.LeadId, row.Site); err != nil {
		return nil, err
	}
	return row, nil
}

func newStageBlock(c *clamps) *block[pb.StageRow] {
	type R = pb.StageRow
	b := newBlock[R]("stage_log", c)
	b.label("site", func(r *R) string { return r.Site })
	b.label("track", func(r *R) string { return r.Track })
	b.uuid("lead_id", func(r *R) [16]byte { return [16]byte(r.LeadId) })
	b.u32("entry_no", func(r *R) uint32 { return r.EntryNo })
	b.instant("at", func(r *R) int64 { return r.At })
	b.label("from_stage", func(r *R) string { return r.From })
	b.label("to_stage", func(r *R) string { return r.To })
	b.label("direction", func(r *R) string { return r.Direction })
	b.label("sub_stage", func(r *R) string { return r.SubStage })
	b.label("cause", func(r *R) string { return r.Cause })
	b.text("cause_event_id", func(r *R) string { return r.CauseEventId })
	b.text("why", func(r *R) string { return r.Why })
	b.float("score", func(r *R) float64 { return r.Score })
	b.label("grade", func(r *R) string { return r.Grade })
	b.labels("criteria", func(r *R) int { return len(r.Criteria) }, func(r *R, i int) string { return r.Criteria[i] })
	b.float("amount", func(r *R) float64 { return r.Amount })
	b.label("currency", func(r *R) string { return r.Currency })
	b.label("model_version", func(r *R) string { return r.ModelVersion })
	b.label("source_topic", func(r *R) string { return r.GetSource().GetTopic() })
	b.u16("source_partition", func(r *R) int32 { return r.GetSource().GetPartition() })
	b.offset("source_offset", func(r *R) int64 { return r.GetSource().GetOffset() })
	return b
}
