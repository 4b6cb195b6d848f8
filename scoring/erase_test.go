package scoring

import (
	"testing"
	"time"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// Promise 7 in the worker: an erased lead leaves nothing in the state, and neither a repeat nor a restart brings it back.
func TestErasedIsErasedInTheState(t *testing.T) {
	r := newRig(t, "", testPartitions)
	events := visits(5, 600, 12)
	r.send(events...)
	w := r.start(r.config())
	r.settled(w.cfg.Group)

	gone := events[0]
	key := schemas.EventKey(gone.Site, gone.AnonymousId, gone.UserId)
	id := schemas.NewLeadID(key)
	until := int64(0)
	for _, ev := range events {
		until = max(until, ev.ReceivedAt)
	}
	r.erase(key, until)
	require.Eventually(t, func() bool { return r.newestLead(id).GetState().GetErasedUntil() == until }, time.Minute, 20*time.Millisecond)
	require.Nil(t, r.newestLead(id).GetState().GetRules())
	rows := r.ledgerRows(id)

	r.send(events...) // all again, as a replay would
	r.erase(key, until)
	r.settled(w.cfg.Group)
	w.stop()
	w = r.start(r.config()) // from the changelog
	r.send(events...)
	r.settled(w.cfg.Group)
	require.Equal(t, rows, r.ledgerRows(id), "what was erased is not counted again")
	require.Zero(t, r.newestLead(id).GetFirstSeen())

	back := proto.Clone(gone).(*pb.Event)
	back.EventId, back.Type, back.Path, back.EventTime, back.ReceivedAt = "back", "page", "/pricing", until+1000, until+1000
	r.send(back)
	r.settled(w.cfg.Group)
	lead := r.newestLead(id)
	require.Equal(t, until+1000, lead.GetFirstSeen(), "who comes back is a new acquaintance")
	require.Equal(t, until, lead.GetState().GetErasedUntil(), "and what was before stays away")
	w.stop()
}

// erase tells the owner of a key's lead to forget it.
func (r *rig) erase(key string, until int64) {
	r.t.Helper()
	id := schemas.NewLeadID(key)
	value, err := proto.Marshal(&pb.Routed{LeadId: id[:], What: &pb.Routed_Erase{Erase: &pb.Erase{Site: "demo", Until: until}}})
	require.NoError(r.t, err)
	r.sendRaw(schemas.TopicRouted, key, value)
}

// newestLead is the last record of a lead in the changelog.
func (r *rig) newestLead(id schemas.LeadID) *pb.LeadRecord {
	r.t.Helper()
	newest := new(pb.LeadRecord)
	for _, rec := range r.read(schemas.TopicLeads) {
		if string(rec.Key) == id.String() {
			newest = new(pb.LeadRecord)
			require.NoError(r.t, proto.Unmarshal(rec.Value, newest))
		}
	}
	return newest
}

// ledgerRows is how many rows of a lead the ledger has.
func (r *rig) ledgerRows(id schemas.LeadID) (n int) {
	r.t.Helper()
	for _, rec := range r.read(schemas.TopicLedger) {
		if string(rec.Key) == id.String() {
			n++
		}
	}
	return n
}
