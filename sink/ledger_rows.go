package sink

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// readLedger decodes and checks a rule hit's record.
func readLedger(rec *kgo.Record) (*pb.LedgerRow, *refusal) {
	row := new(pb.LedgerRow)
	if err := decode(rec, row); err != nil {
		return nil, err
	}
	if err := checkLead(row.LeadId, row.Site); err != nil {
		return nil, err
	}
	return row, nil
}

func newLedgerBlock(c *clamps) *block[pb.LedgerRow] {
	type R = pb.LedgerRow
	b := newBlock[R]("ledger", c)
	b.label("site", func(r *R) string { return r.Site })
	b.label("track", func(r *R) string { return r.Track })
	b.uuid("lead_id", func(r *R) [16]byte { return [16]byte(r.LeadId) })
	b.day("day", func(r *R) int32 { return r.Day })
	b.label("rule", func(r *R) string { return r.Rule })
	b.text("event_id", func(r *R) string { return r.EventId })
	b.label("reason", func(r *R) string { return r.Reason })
	b.flag("counted", func(r *R) bool { return r.Counted })
	b.label("event_type", func(r *R) string { return r.EventType })
	b.instant("event_time", func(r *R) int64 { return r.EventTime })
	b.instant("received_at", func(r *R) int64 { return r.ReceivedAt })
	b.label("rule_group", func(r *R) string { return r.Group })
	b.label("interest", func(r *R) string { return r.Interest })
	b.float("points", func(r *R) float64 { return r.Points })
	b.u32("rule_limit", func(r *R) uint32 { return r.Limit })
	b.flag("once", func(r *R) bool { return r.Once })
	b.float("half_life_days", func(r *R) float64 { return r.HalfLife })
	b.u64("unit_key", func(r *R) uint64 { return r.UnitKey })
	b.u32("units", func(r *R) uint32 { return r.Units })
	b.float("group_cap", func(r *R) float64 { return r.GroupCap })
	b.float("group_floor", func(r *R) float64 { return r.GroupFloor })
	b.label("model_version", func(r *R) string { return r.ModelVersion })
	b.u32("publication", func(r *R) uint32 { return schemas.PublicationOf(r.ModelVersion) })
	b.label("source_topic", func(r *R) string { return r.GetSource().GetTopic() })
	b.u16("source_partition", func(r *R) int32 { return r.GetSource().GetPartition() })
	b.offset("source_offset", func(r *R) int64 { return r.GetSource().GetOffset() })
	return b
}
