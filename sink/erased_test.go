package sink

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// Promise 7 in the sink: records of an erased lead, from before the request, become no row of any table, however often they
// come; what was received later does, and so does everything of the others.
func TestErasedLeadsBecomeNoRows(t *testing.T) {
	r := newRig(t)
	until := time.Now().Add(-time.Hour).UnixMilli()
	gone := schemas.NewLeadID("demo/gone")
	require.NoError(t, r.conn.Exec(t.Context(), "INSERT INTO erased_leads (site, lead_digest, request_id, until) VALUES ('demo', SHA256(?), 'r1', fromUnixTimestamp64Milli(?))", gone.String(), until))
	before, after := until, until+1
	for _, at := range []int64{before, after} {
		for _, visitor := range []string{"gone", "here"} {
			id := schemas.NewLeadID("demo/" + visitor)
			name := visitor + map[int64]string{before: "-before", after: "-after"}[at]
			r.keyed(schemas.TopicEvents, "demo/"+visitor, &pb.Event{EventId: name, Site: "demo", Type: "page", AnonymousId: visitor, EventTime: at, ReceivedAt: at})
			r.keyed(schemas.TopicLedger, id.String(), &pb.LedgerRow{LeadId: id[:], Site: "demo", Track: "main", EventId: name, Rule: "r", Reason: "ok", EventTime: at, ReceivedAt: at})
			r.keyed(schemas.TopicStages, id.String(), &pb.StageRow{LeadId: id[:], Site: "demo", Track: "main", To: "aware", At: at, EntryNo: uint32(at % 2)})
			r.keyed(schemas.TopicLeads, id.String(), &pb.LeadRecord{LeadId: id[:], Site: "demo", Track: "main", Revision: uint64(at), AnonymousId: visitor, FirstSeen: at, ReceivedAt: at, State: &pb.LeadState{}})
		}
	}
	// All that is left of a lead whose worker was told: no row either, with or without a mark in the table.
	other := schemas.NewLeadID("demo/other")
	r.keyed(schemas.TopicLeads, other.String(), &pb.LeadRecord{LeadId: other[:], Site: "demo", Track: "main", Revision: 9, ReceivedAt: after, State: &pb.LeadState{ErasedUntil: before}})
	s := r.start(quick())
	r.eventually("['gone-after','here-after','here-before']", "SELECT arraySort(groupUniqArray(event_id)) FROM events")
	r.eventually("3", "SELECT count() FROM ledger FINAL")
	r.eventually("2", "SELECT count() FROM lead_state FINAL")
	require.NoError(t, s.stopped(), "all that was read is written")
	require.Equal(t, "['gone-after','here-after','here-before']", r.value("SELECT arraySort(groupUniqArray(event_id)) FROM ledger"))
	require.Equal(t, "3", r.value("SELECT count() FROM stage_log FINAL"))
	require.Equal(t, "2", r.value("SELECT count() FROM lead_state FINAL"))
	require.Equal(t, "0", r.value("SELECT count() FROM lead_state WHERE lead_id = toUUID(?)", other.String()))
	require.EqualValues(t, 4, s.sum(t, "leadstream_sink_erased_records_total"))
}

// keyed produces one record as its stage would.
func (r *rig) keyed(topic, key string, m proto.Message) {
	r.Helper()
	value, err := proto.Marshal(m)
	require.NoError(r, err)
	require.NoError(r, r.producer.ProduceSync(r.Context(), &kgo.Record{Topic: topic, Key: []byte(key), Value: value}).FirstErr())
}

// A mark counts for what was read before it came and is not written yet: a batch that is tried again, and the one behind it.
func TestAMarkThatComesWhileABatchWaitsCounts(t *testing.T) {
	r := newRig(t)
	r.exec("RENAME TABLE events TO events_away") // batches wait, marks can be read
	cfg := quick()
	cfg.Batch.Rows = 10
	s := r.start(cfg)
	at := time.Now().Add(-time.Hour).UnixMilli()
	for i := range 15 {
		for _, visitor := range []string{"gone", "here"} {
			r.keyed(schemas.TopicEvents, "demo/"+visitor, &pb.Event{EventId: fmt.Sprintf("%s-%02d", visitor, i), Site: "demo", Type: "page", AnonymousId: visitor, EventTime: at, ReceivedAt: at})
		}
	}
	held := func() bool { return s.sum(t, "leadstream_sink_pending_records") >= 20 }
	require.Eventually(t, held, time.Minute, 10*time.Millisecond, "one batch is tried again and again, one is full")
	gone := schemas.NewLeadID("demo/gone")
	require.NoError(t, r.conn.Exec(t.Context(), "INSERT INTO erased_leads (site, lead_digest, request_id, until) VALUES ('demo', SHA256(?), 'r1', fromUnixTimestamp64Milli(?))", gone.String(), at))
	require.Eventually(t, func() bool { return s.sum(t, "leadstream_sink_erased_records_total") > 0 }, time.Minute, 10*time.Millisecond)
	r.exec("RENAME TABLE events_away TO events")
	r.eventually("15", "SELECT uniqExact(event_id) FROM events WHERE anonymous_id = 'here'")
	require.NoError(t, s.stopped())
	require.Equal(t, "0", r.value("SELECT count() FROM events WHERE anonymous_id = 'gone'"))
	require.EqualValues(t, 15, s.sum(t, "leadstream_sink_erased_records_total"))
	require.Zero(t, s.sum(t, "leadstream_sink_pending_records"))
}
