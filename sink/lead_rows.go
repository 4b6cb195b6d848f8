package sink

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// leadRow is a row of lead_state.
type leadRow struct {
	*pb.LeadRecord
	record    []byte
	own       ownPart
	partition int32
	offset    int64
}

// leadKey is what lead_state keeps one row of.
type leadKey struct {
	site, track string
	lead        [16]byte
}

func (r *leadRow) key() leadKey { return leadKey{r.Site, r.Track, [16]byte(r.LeadId)} }

// readLead decodes and checks a lead's record; nil and no refusal for a
// tombstone, by which compaction forgets a lead: an erasure deletes the row.
func readLead(rec *kgo.Record) (*leadRow, *refusal) {
	if rec.Value == nil {
		return nil, nil
	}
	lead := new(pb.LeadRecord)
	if err := decode(rec, lead); err != nil {
		return nil, err
	}
	if err := checkLead(lead.LeadId, lead.Site); err != nil {
		return nil, err
	}
	if lead.State.GetErasedUntil() != 0 && lead.FirstSeen == 0 {
		return nil, nil // all that is left of an erased lead
	}
	own := ownPartOf(lead.State)
	lead.State = nil // only the scorer reads it; `record` carries it
	return &leadRow{lead, rec.Value, own, rec.Partition, rec.Offset}, nil
}

func newLeadBlock(c *clamps) *block[leadRow] {
	type R = leadRow
	b := newBlock[R]("lead_state", c)
	b.label("site", func(r *R) string { return r.Site })
	b.label("track", func(r *R) string { return r.Track })
	b.uuid("lead_id", func(r *R) [16]byte { return [16]byte(r.LeadId) })
	b.u64("revision", func(r *R) uint64 { return r.Revision })
	b.text("anonymous_id", func(r *R) string { return r.AnonymousId })
	b.text("user_id", func(r *R) string { return r.UserId })
	b.text("name", func(r *R) string { return r.Name })
	b.text("email", func(r *R) string { return r.Email })
	b.text("company", func(r *R) string { return r.Company })
	b.label("country", func(r *R) string { return r.Country })
	b.bytes("traits", func(r *R) []byte { return r.Traits })
	b.float("score", func(r *R) float64 { return r.Score })
	b.instant("scored_at", func(r *R) int64 { return r.ScoredAt })
	b.u8("engagement", func(r *R) uint32 { return r.Engagement })
	b.label("fit", func(r *R) string { return r.Fit })
	b.label("grade", func(r *R) string { return r.Grade })
	b.label("stage", func(r *R) string { return r.Stage })
	b.u8("stage_order", func(r *R) uint32 { return r.StageOrder })
	b.label("sub_stage", func(r *R) string { return r.SubStage })
	b.instant("stage_since", func(r *R) int64 { return r.StageSince })
	b.u32("entry_no", func(r *R) uint32 { return r.EntryNo })
	b.instant("first_seen", func(r *R) int64 { return r.FirstSeen })
	b.instant("last_seen", func(r *R) int64 { return r.LastSeen })
	b.u32("sessions", func(r *R) uint32 { return r.Sessions })
	b.label("last_type", func(r *R) string { return r.LastType })
	b.text("last_name", func(r *R) string { return r.LastName })
	b.text("last_path", func(r *R) string { return r.LastPath })
	b.label("last_rule", func(r *R) string { return r.LastRule })
	b.labels("flags", func(r *R) int { return len(r.Flags) }, func(r *R, i int) string { return r.Flags[i] })
	addTerms(b)
	b.instantOrNull("falls_at", func(r *R) int64 { return r.FallsAt })
	b.label("falls_to", func(r *R) string { return r.FallsTo })
	b.label("model_version", func(r *R) string { return r.ModelVersion })
	b.instant("received_at", func(r *R) int64 { return r.ReceivedAt })
	b.bytes("record", func(r *R) []byte { return r.record })
	b.uuid("merged_into", func(r *R) [16]byte { return idOf(r.MergedInto) })
	b.uuids("joined_leads", func(r *R) int { return len(r.Joined) }, func(r *R, i int) [16]byte { return idOf(r.Joined[i].LeadId) })
	b.instants("joined_at", func(r *R) int { return len(r.Joined) }, func(r *R, i int) int64 { return r.Joined[i].At })
	b.days("joined_through", func(r *R) int { return len(r.Joined) }, func(r *R, i int) int32 { return r.Joined[i].Through })
	b.u32s("joined_united", func(r *R) int { return len(r.Joined) }, func(r *R, i int) uint32 { return r.Joined[i].United })
	b.day("own_through", func(r *R) int32 { return r.own.through })
	b.u32("own_united", func(r *R) uint32 { return r.own.united })
	addPeople(b)
	b.u16("kafka_partition", func(r *R) int32 { return r.partition })
	b.offset("kafka_offset", func(r *R) int64 { return r.offset })
	return b
}

// ownPart is what JoinedID says of other ids: through which day the lead's own id counts with its own limits, and
// from which publication on it does not.
type ownPart struct {
	through int32
	united  uint32
}

// ownPartOf finds it: it is the part without a home's key.
func ownPartOf(state *pb.LeadState) ownPart {
	for _, p := range state.GetParts() {
		switch {
		case p.Key == "" && p.United != 0:
			return ownPart{p.Former, p.United}
		case p.Key == "":
			return ownPart{through: p.Through}
		}
	}
	return ownPart{}
}

// addPeople adds what view `identity_proposals` reads.
func addPeople(b *block[leadRow]) {
	type R = leadRow
	b.uuids("proposed_leads", func(r *R) int { return len(r.Proposals) }, func(r *R, i int) [16]byte {
		return schemas.NewLeadID(schemas.OriginKey(r.Site, "", r.Proposals[i].UserId))
	})
	b.instants("proposed_at", func(r *R) int { return len(r.Proposals) }, func(r *R, i int) int64 { return r.Proposals[i].At })
	b.uuids("denied_leads", func(r *R) int { return len(denied(r)) }, func(r *R, i int) [16]byte { return idOf(denied(r)[i].LeadId) })
}

// denied are the decisions that say no: few leads have any.
func denied(r *leadRow) (no []*pb.Decision) {
	for _, d := range r.Decisions {
		if !d.Joined {
			no = append(no, d)
		}
	}
	return no
}

// idOf is a lead's id, zeros for none.
func idOf(b []byte) (id [16]byte) {
	copy(id[:], b)
	return id
}

// addTerms adds the parts that view `leads` makes a score of.
func addTerms(b *block[leadRow]) {
	type R = leadRow
	terms := func(r *R) int { return len(r.Terms) }
	b.labels("term_rule", terms, func(r *R, i int) string { return r.Terms[i].Rule })
	b.labels("term_group", terms, func(r *R, i int) string { return r.Terms[i].Group })
	b.labels("term_interest", terms, func(r *R, i int) string { return r.Terms[i].Interest })
	b.floats("term_value", terms, func(r *R, i int) float64 { return r.Terms[i].Value })
	b.instants("term_anchor", terms, func(r *R, i int) int64 { return r.Terms[i].Anchor })
	b.floats("term_half_life", terms, func(r *R, i int) float64 { return r.Terms[i].HalfLife })
	groups := func(r *R) int { return len(r.Groups) }
	b.labels("group_name", groups, func(r *R, i int) string { return r.Groups[i].Name })
	b.floats("group_cap", groups, func(r *R, i int) float64 { return r.Groups[i].Cap })
	b.floats("group_floor", groups, func(r *R, i int) float64 { return r.Groups[i].Floor })
	b.floats("bands", func(r *R) int { return len(r.Bands) }, func(r *R, i int) float64 { return r.Bands[i] })
}
