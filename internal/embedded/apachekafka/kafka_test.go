//go:build kafka

package apachekafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/internal/embedded/embeddedtest"
	"leadstream/internal/kafka"
)

func TestAcknowledgedRecordsOutliveEveryBrokerInTurnOnApacheKafka(t *testing.T) {
	cluster := embeddedtest.Kafka(t, 3)
	require.Len(t, cluster.Addrs(), 3)
	cfg := kafka.DefaultConfig()
	cfg.Brokers = cluster.Addrs()
	client, err := kafka.NewClient(cfg, nil)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	topic := kafka.Topic{Name: "kept", Partitions: 12}
	require.NoError(t, kafka.EnsureTopics(t.Context(), client, []kafka.Topic{topic}))
	require.NoError(t, kafka.EnsureTopics(t.Context(), client, []kafka.Topic{topic}), "a second time")
	described, err := kadm.NewClient(client).ListTopics(t.Context(), "kept")
	require.NoError(t, err)
	require.Equal(t, 3, described["kept"].Partitions.NumReplicas())

	sent := 0
	send := func() {
		var records []*kgo.Record
		for range 500 {
			records = append(records, &kgo.Record{Topic: "kept", Value: fmt.Append(nil, sent)})
			sent++
		}
		require.NoError(t, client.ProduceSync(t.Context(), records...).FirstErr())
	}
	send()
	for i := range cluster.Size() {
		cluster.Kill(i)
		send() // two of three are enough
		require.Error(t, cluster.Restart(expired(), i), "a broker is not up before it serves")
		require.ErrorContains(t, cluster.Restart(t.Context(), i), "is running")
		require.NoError(t, cluster.AwaitInSync(t.Context()))
	}
	moved, err := cluster.MoveLeaders(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, moved, 12)
	send()
	require.Equal(t, sent, count(t, cluster.Addrs(), sent), "each once")
}

func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// count reads the topic until n records came and a second passed.
func count(t *testing.T, brokers []string, n int) (found int) {
	t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("kept"))
	require.NoError(t, err)
	defer reader.Close()
	seen := map[string]bool{}
	deadline := time.Now().Add(30 * time.Second)
	for quiet := time.Now(); time.Since(quiet) < time.Second || len(seen) < n && time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		fetches := reader.PollFetches(ctx)
		cancel()
		fetches.EachRecord(func(r *kgo.Record) {
			found++
			seen[string(r.Value)] = true
			quiet = time.Now()
		})
	}
	require.Len(t, seen, n)
	return found
}
