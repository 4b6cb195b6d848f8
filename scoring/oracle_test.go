package scoring

import (
	"fmt"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/model"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// truth is what a set of events comes to: for every lead its record, and every
// row that was written on the way, as text so that differences can be read.
type truth struct {
	leads  map[string]string
	states map[string]*model.Lead
	ledger []string
	stages []string
}

// oracle folds what stands in events, one partition after the other, in order,
// without worker, transaction, or restart; then it lets the leads fall that are due by fallenBy.
func (r *rig) oracle() truth {
	out := truth{leads: map[string]string{}, states: map[string]*model.Lead{}}
	states := map[schemas.LeadID]*model.Lead{}
	for _, rec := range r.read(schemas.TopicEvents) {
		id, ev, no := decode(rec)
		if no != nil {
			continue
		}
		lead := states[id]
		if lead == nil {
			lead = model.NewLead(id, ev.Site)
		}
		o := r.model.Apply(lead, ev, &pb.Source{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset})
		for _, row := range o.Ledger {
			out.ledger = append(out.ledger, text(row))
		}
		for _, row := range o.Stages {
			out.stages = append(out.stages, stageText(row))
		}
		if o.Changed || states[id] != nil {
			states[id], out.states[id.String()] = lead, lead
		}
		if o.Changed {
			out.leads[id.String()] = recordText(r.model.Record(lead.Clone(), ev.ReceivedAt, nil))
		}
	}
	for id, lead := range out.states {
		for _, row := range r.model.Fire(lead, r.fallenBy, nil).Stages {
			out.stages = append(out.stages, stageText(row))
			out.leads[id] = recordText(r.model.Record(lead.Clone(), row.At, nil))
		}
	}
	return out
}

// written is what the workers wrote.
func (r *rig) written() truth {
	out := truth{leads: map[string]string{}, states: map[string]*model.Lead{}}
	for _, rec := range r.read(schemas.TopicLeads) {
		lead := new(pb.LeadRecord)
		require.NoError(r.t, proto.Unmarshal(rec.Value, lead))
		if lead.Track != r.model.Track() {
			continue
		}
		require.NotEqual(r.t, noFence, readFence(rec.Headers), "a record of leads without a fence")
		state, err := r.model.Restore(lead)
		require.NoError(r.t, err)
		id, err := schemas.LeadOfRecord(rec.Key)
		require.NoError(r.t, err)
		out.states[id.String()] = state
		out.leads[id.String()] = recordText(lead)
	}
	for _, rec := range r.read(schemas.TopicLedger) {
		row := new(pb.LedgerRow)
		require.NoError(r.t, proto.Unmarshal(rec.Value, row))
		if schemas.PublicationOf(row.ModelVersion) == 0 { // history told anew is in the lead's partition, wherever its event stands
			require.Equal(r.t, row.Source.Partition, rec.Partition, "a ledger row in another partition than its event")
		}
		if row.Track == r.model.Track() {
			out.ledger = append(out.ledger, text(row))
		}
	}
	for _, rec := range r.read(schemas.TopicStages) {
		row := new(pb.StageRow)
		require.NoError(r.t, proto.Unmarshal(rec.Value, row))
		if row.Track == r.model.Track() {
			out.stages = append(out.stages, stageText(row))
		}
	}
	return out
}

// recordText leaves out what depends on when a worker folded and wrote, not on what.
func recordText(rec *pb.LeadRecord) string {
	rec.Revision, rec.Source = 0, nil
	return text(rec)
}

// stageText leaves out whose hand made a fall: a timer that stood at some offset, or the event that came first.
func stageText(row *pb.StageRow) string {
	if row.Cause == "timer" {
		row.Source = nil
	}
	return text(row)
}

func text(m proto.Message) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x %v", b, m)
}

// requireTruth wants exactly what the oracle says: every row once.
func (r *rig) requireTruth() {
	r.t.Helper()
	want, got := r.oracle(), r.written()
	r.sameLeads(want, got)
	r.sameRows("ledger", want.ledger, got.ledger)
	r.sameRows("stages", want.stages, got.stages)
}

// requireTruthRepeated allows rows to be repeated, and nothing else.
func (r *rig) requireTruthRepeated() {
	r.t.Helper()
	want, got := r.oracle(), r.written()
	r.sameLeads(want, got)
	r.sameRows("ledger", unique(want.ledger), unique(got.ledger))
	r.sameRows("stages", unique(want.stages), unique(got.stages))
}

func (r *rig) sameLeads(want, got truth) {
	r.t.Helper()
	require.NotEmpty(r.t, want.leads, "the test sent nothing that makes a lead")
	wrong := 0
	for id, w := range want.leads {
		if got.leads[id] != w {
			if wrong++; wrong == 1 {
				r.t.Errorf("lead %s differs:\nwant %s\n got %s", id, w, got.leads[id])
			}
		}
	}
	for id := range got.leads {
		if _, known := want.leads[id]; !known {
			wrong++
			r.t.Errorf("lead %s should not exist", id)
		}
	}
	if wrong > 0 {
		r.t.Fatalf("%d of %d leads are wrong", wrong, len(want.leads))
	}
}

func (r *rig) sameRows(what string, want, got []string) {
	r.t.Helper()
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	if slices.Equal(want, got) {
		return
	}
	missing, extra := minus(want, got), minus(got, want)
	first := func(list []string) string {
		if len(list) == 0 {
			return "-"
		}
		return list[0]
	}
	r.t.Fatalf("%s: %d rows, want %d; %d missing, first %s; %d too many, first %s",
		what, len(got), len(want), len(missing), first(missing), len(extra), first(extra))
}

// minus is a without b, each occurrence for itself; both sorted.
func minus(a, b []string) (out []string) {
	for len(a) > 0 {
		switch {
		case len(b) == 0 || a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case a[0] == b[0]:
			a, b = a[1:], b[1:]
		default:
			b = b[1:]
		}
	}
	return out
}

func unique(rows []string) []string { return slices.Compact(slices.Sorted(slices.Values(rows))) }
