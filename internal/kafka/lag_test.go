package kafka

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// produce writes n records, round and round over the partitions.
func produce(t *testing.T, cl *kgo.Client, topic string, n int) {
	t.Helper()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Partition: int32(i % 2), Value: []byte("x")}
	}
	require.NoError(t, cl.ProduceSync(t.Context(), records...).FirstErr())
}

func commit(t *testing.T, cl *kgo.Client, group, topic string, at ...int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	for partition, offset := range at {
		offsets.AddOffset(topic, int32(partition), offset, -1)
	}
	require.NoError(t, kadm.NewClient(cl).CommitAllOffsets(t.Context(), group, offsets))
}

func TestLagIsWhatIsNotCommitted(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "a", "b"))
	cl := client(t, cfg, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	produce(t, cl, "a", 10)

	lag, err := Lag(t.Context(), cl, "g", "a", "b")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"a": 10, "b": 0}, lag, "a group that never committed is behind by everything")

	commit(t, cl, "g", "a", 5, 2)
	lag, err = Lag(t.Context(), cl, "g", "a", "b")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"a": 3, "b": 0}, lag)

	trim := kadm.Offsets{}
	trim.AddOffset("a", 1, 4, -1) // retention took records that were never read
	_, err = kadm.NewClient(cl).DeleteRecords(t.Context(), trim)
	require.NoError(t, err)
	lag, err = Lag(t.Context(), cl, "g", "a", "b")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"a": 1, "b": 0}, lag)

	_, err = Lag(t.Context(), cl, "g", "nowhere")
	require.ErrorContains(t, err, "lag of group g: ")
}

func TestTheMonitorFollowsTheLagAndCountsWhatItCannotLearn(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "a"))
	cl := client(t, cfg, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	produce(t, cl, "a", 10)
	reg := prometheus.NewPedanticRegistry()
	m := NewLagMonitor(cl, reg, zap.NewNop(), 20*time.Millisecond, Watch{Group: "g", Topics: []string{"a"}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()

	shows := func(lag string) func() bool {
		want := "# HELP leadstream_kafka_lag_records Records a consumer group has still to commit, by topic.\n" +
			"# TYPE leadstream_kafka_lag_records gauge\nleadstream_kafka_lag_records{group=\"g\",topic=\"a\"} " + lag + "\n"
		return func() bool {
			return testutil.GatherAndCompare(reg, strings.NewReader(want), "leadstream_kafka_lag_records") == nil
		}
	}
	require.Eventually(t, shows("10"), 20*time.Second, 10*time.Millisecond)
	commit(t, cl, "g", "a", 5, 4)
	require.Eventually(t, shows("1"), 20*time.Second, 10*time.Millisecond)
	require.Zero(t, testutil.ToFloat64(m.failed))

	c.Close() // the broker goes away
	require.Eventually(t, func() bool { return testutil.ToFloat64(m.failed) > 0 }, 20*time.Second, 10*time.Millisecond)
	require.True(t, shows("1")(), "the last answer stays")
	cancel()
	require.NoError(t, <-done)
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestMetricsCountWhatAClientMoved(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "a"))
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg)
	writer := client(t, cfg, m.For("writer"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	produce(t, writer, "a", 10)
	reader := client(t, cfg, m.For("reader"), kgo.ConsumeTopics("a"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx := soon(t)
	for read := 0; read < 10; {
		fetches := reader.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		read += fetches.NumRecords()
	}
	require.Equal(t, 10.0, testutil.ToFloat64(m.producedRecords.WithLabelValues("writer", "a")))
	require.Equal(t, 10.0, testutil.ToFloat64(m.fetchedRecords.WithLabelValues("reader", "a")))
	require.Positive(t, testutil.ToFloat64(m.producedBytes.WithLabelValues("writer", "a")))
	require.Equal(t, testutil.ToFloat64(m.producedBytes.WithLabelValues("writer", "a")), testutil.ToFloat64(m.fetchedBytes.WithLabelValues("reader", "a")))
	require.Positive(t, testutil.ToFloat64(m.connects.WithLabelValues("writer", "ok")))
	require.Positive(t, testutil.ToFloat64(m.written.WithLabelValues("writer")))
	require.Positive(t, testutil.ToFloat64(m.read.WithLabelValues("reader")))

	writer.Close()
	require.Eventually(t, func() bool { return testutil.ToFloat64(m.disconnects.WithLabelValues("writer")) > 0 }, 20*time.Second, 10*time.Millisecond)
	gone := DefaultConfig()
	gone.Brokers = []string{"127.0.0.1:1"}
	require.Error(t, Ping(soon(t), client(t, gone, m.For("gone"))))
	require.Positive(t, testutil.ToFloat64(m.connects.WithLabelValues("gone", "error")))

	h := &hook{m, "x"}
	h.OnBrokerThrottle(kgo.BrokerMetadata{}, 1500*time.Millisecond, false)
	h.OnGroupManageError(errors.New("fenced"))
	require.Equal(t, 1.5, testutil.ToFloat64(m.throttled.WithLabelValues("x")))
	require.Equal(t, 1.0, testutil.ToFloat64(m.groupErrors.WithLabelValues("x")))
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)
}
