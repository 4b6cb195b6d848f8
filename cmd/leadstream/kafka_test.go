//go:build kafka

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/internal/embedded/embeddedtest"
	ourkafka "leadstream/internal/kafka"
	"leadstream/schemas"
)

// The roles on a real cluster, each a process of its own; and what `migrate` made there, with nothing
// said about replicas: every record is on three brokers, acknowledged by two, and of leads a
// compaction leaves the newest.
func TestRolesRunAloneOnApacheKafka(t *testing.T) {
	cluster := embeddedtest.Kafka(t, 3)
	requireRolesRunAlone(t, cluster.Addrs())
	cfg := ourkafka.DefaultConfig()
	cfg.Brokers = cluster.Addrs()
	client, err := ourkafka.NewClient(cfg, nil)
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	for _, topic := range schemas.Topics() {
		detail, err := admin.ListTopics(t.Context(), topic.Name)
		require.NoError(t, err)
		require.Equal(t, 3, detail[topic.Name].Partitions.NumReplicas(), topic.Name)
		require.Len(t, detail[topic.Name].Partitions, schemas.DefaultPartitions)
		is := topicSettings(t, admin, topic.Name)
		require.Equal(t, "2", is["min.insync.replicas"], topic.Name)
		require.Equal(t, map[bool]string{true: "compact", false: "delete"}[topic.Compacted], is["cleanup.policy"], topic.Name)
	}
	requireCompaction(t, cluster.Addrs(), client, admin)
}

func topicSettings(t *testing.T, admin *kadm.Client, topic string) map[string]string {
	t.Helper()
	described, err := admin.DescribeTopicConfigs(t.Context(), topic)
	require.NoError(t, err)
	is := map[string]string{}
	for _, c := range described[0].Configs {
		is[c.Key] = c.MaybeValue()
	}
	return is
}

// requireCompaction writes ten leads a hundred times over, and reads few of the old values with the
// other client library. Only when a segment is closed is changed: a day and half a gigabyte are too long for a test.
func requireCompaction(t *testing.T, brokers []string, client *kgo.Client, admin *kadm.Client) {
	t.Helper()
	soon := "1000"
	eager := "0.01"
	_, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{
		{Name: "segment.ms", Value: &soon}, {Name: "min.cleanable.dirty.ratio", Value: &eager},
	}, schemas.TopicLeads)
	require.NoError(t, err)
	round := 0
	partitions := map[int32]bool{} // those that end with a record of ours, not with a transaction's marker
	write := func() {
		round++
		var records []*kgo.Record
		for lead := range 10 {
			records = append(records, &kgo.Record{Topic: schemas.TopicLeads, Key: fmt.Append(nil, "lead-", lead), Value: fmt.Append(nil, round)})
		}
		require.NoError(t, client.ProduceSync(t.Context(), records...).FirstErr())
		for _, r := range records {
			partitions[r.Partition] = true
		}
	}
	for range 100 {
		write()
	}
	require.Eventually(t, func() bool {
		write() // a segment is closed by the record after it
		left := 0
		last := map[string]string{}
		for partition := range partitions {
			for _, m := range readPartition(t, brokers[0], int(partition)) {
				if strings.HasPrefix(string(m.Key), "lead-") {
					left++
					last[string(m.Key)] = string(m.Value)
				}
			}
		}
		require.Len(t, last, 10)
		for lead, value := range last {
			require.Equal(t, fmt.Sprint(round), value, "the newest value of %s", lead)
		}
		t.Logf("%d of %d records are left", left, 10*round)
		return left < 500
	}, time.Minute, time.Second, "the topic is not compacted")
}

func readPartition(t *testing.T, broker string, partition int) (all []kafka.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := kafka.DialLeader(ctx, "tcp", broker, schemas.TopicLeads, partition)
	require.NoError(t, err)
	end, err := conn.ReadLastOffset()
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{broker}, Topic: schemas.TopicLeads, Partition: partition, MaxWait: 50 * time.Millisecond})
	defer reader.Close()
	for at := int64(0); at < end; {
		m, err := reader.ReadMessage(ctx)
		require.NoError(t, err)
		all, at = append(all, m), m.Offset+1
	}
	return all
}
