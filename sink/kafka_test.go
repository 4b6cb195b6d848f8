//go:build kafka

package sink

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded/apachekafka"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/internal/kafka"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// newKafkaRig is the rig on a real cluster, its topics kept three times. Its producer writes
// transactions, as scoring does: the sink then meets markers, aborted records and a last stable offset.
func newKafkaRig(t *testing.T, cluster *apachekafka.Cluster) *rig {
	t.Helper()
	r := &rig{T: t, brokers: cluster.Addrs(), server: clickhouse.DefaultConfig()}
	r.emptyTables()
	var err error
	r.producer, err = kgo.NewClient(kgo.SeedBrokers(r.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionalID("sink-test"), kgo.MetadataMinAge(100*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(r.producer.Close)
	var topics []kafka.Topic
	for _, topic := range schemas.Topics() {
		topics = append(topics, kafka.Topic{Name: topic.Name, Partitions: testPartitions})
	}
	require.NoError(t, kafka.EnsureTopics(t.Context(), r.producer, topics))
	return r
}

// views writes the views from..to-1 in one transaction and ends it: what was aborted must not be seen.
func (r *rig) views(from, to int, end kgo.TransactionEndTry) {
	r.Helper()
	require.NoError(r, r.producer.BeginTransaction())
	for i := from; i < to; i++ {
		ev, part := pageView(i), int32(i%testPartitions)
		r.produce(schemas.TopicEvents, part, ev)
		r.produce(schemas.TopicLedger, part, &pb.LedgerRow{LeadId: leadID(i % 50), Site: "demo", Track: "main", EventId: ev.EventId,
			EventTime: ev.EventTime, ReceivedAt: ev.ReceivedAt, Day: int32(ev.EventTime / 86400000), Rule: "pricing", Points: 5, Limit: 3,
			UnitKey: uint64(i), Units: 1, Reason: "ok"})
		r.produce(schemas.TopicLeads, part, &pb.LeadRecord{LeadId: leadID(i % 50), Site: "demo", Track: "main", Revision: uint64(i), ReceivedAt: ev.ReceivedAt})
	}
	require.NoError(r, r.producer.Flush(r.Context()))
	require.NoError(r, r.producer.EndTransaction(r.Context(), end))
}

func (r *rig) produce(topic string, part int32, message proto.Message) {
	value, err := proto.Marshal(message)
	require.NoError(r, err)
	r.putBytes(topic, part, value)
}

func TestARowAppearsOnceOnApacheKafka(t *testing.T) {
	cluster := embeddedtest.Kafka(t, 3)
	r := newKafkaRig(t, cluster)
	one := r.start(quick())
	two := r.start(quick())
	const each = 500
	sent := 0
	send := func() {
		r.views(1_000_000+sent, 1_000_000+sent+each/10, kgo.TryAbort)
		r.views(sent, sent+each, kgo.TryCommit)
		sent += each
	}
	send()
	for i := range cluster.Size() {
		cluster.Kill(i)
		send()
		require.NoError(t, cluster.Restart(t.Context(), i))
		send()
		require.NoError(t, cluster.AwaitInSync(t.Context()))
	}
	_, err := cluster.MoveLeaders(t.Context())
	require.NoError(t, err)
	send()
	r.rows(sent)
	require.NoError(t, one.stopped())
	require.NoError(t, two.stopped())
	require.Eventually(t, r.committedAll, time.Minute, 100*time.Millisecond, "offsets of rows that were written are not committed")
	t.Logf("%d views, %s rows written for them; commits that failed: %v", sent, r.value("SELECT count() FROM events"),
		one.sum(t, "leadstream_sink_commit_failures_total")+two.sum(t, "leadstream_sink_commit_failures_total"))
}

// rows waits longer than requireAll, which then looks closely: a sink that lost its coordinator
// waits for its session to end before it reads on.
func (r *rig) rows(n int) {
	r.Helper()
	require.Eventually(r, func() bool { return r.value("SELECT count() FROM events FINAL") == strconv.Itoa(n) }, 2*time.Minute, 100*time.Millisecond)
	r.requireAll(n)
}
