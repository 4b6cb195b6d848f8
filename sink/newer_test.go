package sink

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// fromTheFuture is a message of this release with fields that it does not know: a text, a number, a message.
func fromTheFuture(t *testing.T, m proto.Message) []byte {
	t.Helper()
	value, err := proto.Marshal(m)
	require.NoError(t, err)
	value = protowire.AppendTag(value, 900, protowire.BytesType)
	value = protowire.AppendString(value, "new")
	value = protowire.AppendTag(value, 901, protowire.VarintType)
	value = protowire.AppendVarint(value, 7)
	value = protowire.AppendTag(value, 902, protowire.BytesType)
	return protowire.AppendBytes(value, protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "inside"))
}

// A collector, a scorer and a database that are newer than this sink: nothing stops, nothing goes to dead-letter, and what
// this release has no column for stays in the topic (of a lead's record, in column record, too).
func TestANewerReleaseAroundTheSinkLosesNothing(t *testing.T) {
	r := newRig(t)
	r.ownTables()
	// Columns of a newer migration, and an analyst's own.
	r.exec("ALTER TABLE events ADD COLUMN shelf String DEFAULT 'none' COMMENT 'of the next release' AFTER type")
	r.exec("ALTER TABLE events ADD COLUMN is_docs Bool MATERIALIZED startsWith(path, '/docs') COMMENT 'an analyst''s'")
	r.exec("ALTER TABLE lead_state ADD COLUMN region String COMMENT 'of the next release' FIRST")

	now := time.Now().UnixMilli()
	properties := []string{`{"plan":"team"}`, `{"plan":7}`, `{"plan":{"name":"team","seats":[1,2]}}`, `{"plan":[true,null]}`, `{"plan":null,"new":{"deep":{"er":1.5}}}`}
	for i, said := range properties {
		ev := pageView(i)
		ev.Type, ev.Properties, ev.Path = []string{"page", "hologram", "", "track"}[i%4], []byte(said), "/docs/a"
		ev.Consent = pb.Consent(40 + i) // a word of the next release
		r.putBytes(schemas.TopicEvents, 0, fromTheFuture(t, ev))
	}
	r.putBytes(schemas.TopicLeads, 0, fromTheFuture(t, &pb.LeadRecord{LeadId: leadID(1), Site: "demo", Track: "vr", Revision: 1, Stage: "evangelist", ReceivedAt: now}))
	r.putBytes(schemas.TopicLedger, 0, fromTheFuture(t, &pb.LedgerRow{LeadId: leadID(1), Site: "demo", Track: "vr", EventId: "e1", EventType: "hologram", ReceivedAt: now, Rule: "r", Reason: "postponed"}))
	r.putBytes(schemas.TopicStages, 0, fromTheFuture(t, &pb.StageRow{LeadId: leadID(1), Site: "demo", Track: "vr", To: "evangelist", At: now, EntryNo: 1, Cause: "oracle", Direction: "sideways"}))
	require.NoError(t, r.producer.Flush(t.Context()))

	run := r.start(quick())
	r.eventually("(5,1,1,1)", "SELECT (SELECT count() FROM events FINAL), (SELECT count() FROM lead_state FINAL), (SELECT count() FROM ledger FINAL), (SELECT count() FROM stage_log FINAL)")
	require.Eventually(t, r.committedAll, time.Minute, 10*time.Millisecond)
	require.NoError(t, run.stopped())
	require.Zero(t, run.sum(t, "leadstream_sink_dead_letters_total"))

	require.Equal(t, "['','hologram','page','track']", r.value("SELECT arraySort(groupUniqArray(type)) FROM events FINAL"))
	require.Equal(t, "(1,1,'none',true)", r.value("SELECT countIf(properties.plan.:String = 'team'), countIf(properties.plan.:Int64 = 7), any(shelf), min(is_docs) FROM events FINAL"))
	require.Equal(t, "(1,1)", r.value("SELECT countIf(properties.plan.name.:String = 'team'), countIf(properties.new.deep.er.:Float64 = 1.5) FROM events FINAL"))
	var record string
	require.NoError(t, r.conn.QueryRow(t.Context(), "SELECT record FROM lead_state FINAL").Scan(&record))
	require.Contains(t, record, "inside")
}
