package kafka

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var wanted = []Topic{
	{Name: "a.v1", Partitions: 4, Configs: map[string]string{"retention.ms": "86400000"}},
	{Name: "b.v1", Partitions: 4, Configs: map[string]string{"cleanup.policy": "compact"}},
}

// details are the topics as another client sees them.
func details(t *testing.T, cfg Config) (kadm.TopicDetails, kadm.ResourceConfigs) {
	t.Helper()
	adm := kadm.NewClient(client(t, cfg))
	topics, err := adm.ListTopics(t.Context())
	require.NoError(t, err)
	configs, err := adm.DescribeTopicConfigs(t.Context(), topics.Names()...)
	require.NoError(t, err)
	return topics, configs
}

func setting(t *testing.T, configs kadm.ResourceConfigs, topic, name string) string {
	t.Helper()
	found, err := configs.On(topic, nil)
	require.NoError(t, err)
	for _, c := range found.Configs {
		if c.Key == name {
			return c.MaybeValue()
		}
	}
	return ""
}

func TestEnsureTopicsCreatesAndMayBeRepeated(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(1))
	for range 3 {
		require.NoError(t, EnsureTopics(t.Context(), client(t, cfg), wanted))
	}
	topics, configs := details(t, cfg)
	require.ElementsMatch(t, []string{"a.v1", "b.v1"}, topics.Names())
	require.Len(t, topics["a.v1"].Partitions, 4)
	require.Equal(t, 1, topics["a.v1"].Partitions.NumReplicas(), "one broker holds one replica")
	require.Equal(t, "86400000", setting(t, configs, "a.v1", "retention.ms"))
	require.Equal(t, "compact", setting(t, configs, "b.v1", "cleanup.policy"))
	require.NoError(t, EnsureTopics(t.Context(), client(t, cfg), nil))
}

func TestEnsureTopicsMayRunInManyProcessesAtOnce(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(3))
	var all sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		cl := client(t, cfg) // a client each, as processes have
		all.Go(func() { errs[i] = EnsureTopics(t.Context(), cl, wanted) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	topics, _ := details(t, cfg)
	require.Len(t, topics["a.v1"].Partitions, 4)
	require.Len(t, topics["b.v1"].Partitions, 4)
}

func TestReplicationIsThreeWhereThereAreBrokersForIt(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(5))
	topics := append([]Topic{{Name: "own.v1", Partitions: 1, Replication: 2}, {Name: "isr.v1", Partitions: 1, Configs: map[string]string{"min.insync.replicas": "3"}}}, wanted...)
	require.NoError(t, EnsureTopics(t.Context(), client(t, cfg), topics))
	found, configs := details(t, cfg)
	require.Equal(t, 3, found["a.v1"].Partitions.NumReplicas())
	require.Equal(t, "2", setting(t, configs, "a.v1", "min.insync.replicas"))
	require.Equal(t, 2, found["own.v1"].Partitions.NumReplicas())
	require.Equal(t, "3", setting(t, configs, "isr.v1", "min.insync.replicas"), "what the topic says wins")
}

func TestAnotherNumberOfPartitionsIsRefusedForEveryTopicAtOnce(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(6, "a.v1", "b.v1"))
	err := EnsureTopics(t.Context(), client(t, cfg), wanted)
	require.EqualError(t, err, `topic a.v1 has 6 partitions, the config wants 4: state is kept by partition, so the number never changes: set kafka.partitions to 6
topic b.v1 has 6 partitions, the config wants 4: state is kept by partition, so the number never changes: set kafka.partitions to 6`)
	topics, _ := details(t, cfg)
	require.Len(t, topics["a.v1"].Partitions, 6, "left alone")
}

func TestTooManyReplicasSaysHowManyBrokersThereAre(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(1))
	err := EnsureTopics(t.Context(), client(t, cfg), []Topic{{Name: "a.v1", Partitions: 1, Replication: 3}})
	require.ErrorIs(t, err, kerr.InvalidReplicationFactor)
	require.ErrorContains(t, err, "topic a.v1: 3 replicas are wanted, the cluster has 1 brokers: lower kafka.replication, or add brokers")
}

func TestAUserWhoMayNotCreateTopicsIsToldTheCommand(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(1))
	c.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.CreateTopicsRequest)
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, rt := range req.Topics {
			st := kmsg.NewCreateTopicsResponseTopic()
			st.Topic, st.ErrorCode = rt.Topic, kerr.TopicAuthorizationFailed.Code
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
	err := EnsureTopics(t.Context(), client(t, cfg), wanted)
	require.ErrorIs(t, err, kerr.TopicAuthorizationFailed)
	require.ErrorContains(t, err, "kafka-topics.sh --create --topic a.v1 --partitions 4 --replication-factor 1 --config retention.ms=86400000")
	require.ErrorContains(t, err, "--topic b.v1")
}

func TestATopicIsAwaitedUntilItsPartitionsHaveLeaders(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(1))
	port, err := strconv.Atoi(strings.TrimPrefix(c.ListenAddrs()[0], "127.0.0.1:"))
	require.NoError(t, err)
	var looks int
	c.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.MetadataRequest)
		if looks++; looks > 3 || len(req.Topics) == 0 {
			return nil, nil, false // the truth
		}
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		b := kmsg.NewMetadataResponseBroker()
		b.Host, b.Port = "127.0.0.1", int32(port)
		resp.Brokers = append(resp.Brokers, b)
		for _, rt := range req.Topics {
			mt := kmsg.NewMetadataResponseTopic()
			mt.Topic = rt.Topic
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Leader = -1
			mt.Partitions = append(mt.Partitions, p)
			if looks == 1 {
				mt.ErrorCode, mt.Partitions = kerr.UnknownTopicOrPartition.Code, nil
			}
			resp.Topics = append(resp.Topics, mt)
		}
		return resp, nil, true
	})
	require.NoError(t, EnsureTopics(t.Context(), client(t, cfg), wanted))
	require.Greater(t, looks, 3)
}

func TestATopicIsAwaitedUntilTheLastBrokerKnowsIt(t *testing.T) {
	c, cfg := cluster(t, kfake.NumBrokers(3))
	var late atomic.Int32
	c.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.MetadataRequest)
		if c.CurrentNode() != 2 || len(req.Topics) == 0 || late.Add(1) > 3 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		for _, rt := range req.Topics {
			mt := kmsg.NewMetadataResponseTopic()
			mt.Topic, mt.ErrorCode = rt.Topic, kerr.UnknownTopicOrPartition.Code
			resp.Topics = append(resp.Topics, mt)
		}
		return resp, nil, true
	})
	require.NoError(t, EnsureTopics(t.Context(), client(t, cfg), wanted))
	require.Greater(t, late.Load(), int32(3), "the last broker was not asked until it knew")
}

func TestDriftTellsWhatAnOperatorChanged(t *testing.T) {
	_, cfg := cluster(t, kfake.NumBrokers(1))
	cl := client(t, cfg)
	require.NoError(t, EnsureTopics(t.Context(), cl, wanted))
	drift, err := Drift(t.Context(), cl, wanted)
	require.NoError(t, err)
	require.Empty(t, drift)

	hour := "3600000"
	_, err = kadm.NewClient(cl).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &hour}}, "a.v1")
	require.NoError(t, err)
	require.NoError(t, EnsureTopics(t.Context(), cl, wanted), "not ours to refuse")
	drift, err = Drift(t.Context(), cl, wanted)
	require.NoError(t, err)
	require.Equal(t, []string{`topic a.v1: retention.ms is "3600000", not "86400000"`}, drift)
}
