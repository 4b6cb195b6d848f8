package embedded

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// client connects to a broker for the length of the test.
func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	made, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(made.Close)
	return made
}

// produce sends n records and waits until the broker has acknowledged them all.
func produce(t *testing.T, c *kgo.Client, topic string, from, n int) {
	t.Helper()
	var records []*kgo.Record
	for i := from; i < from+n; i++ {
		records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i%7), Value: fmt.Append(nil, i)})
	}
	require.NoError(t, c.ProduceSync(t.Context(), records...).FirstErr())
}

// consume reads n values, in whatever order partitions give them.
func consume(t *testing.T, c *kgo.Client, n int) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for total := 0; total < n; {
		fetches := c.PollFetches(t.Context())
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)]++; total++ })
	}
	return seen
}

func startBroker(t *testing.T, dir string) *Broker {
	t.Helper()
	cfg := DefaultBrokerConfig()
	cfg.Dir, cfg.Addr = dir, "127.0.0.1:0"
	broker, err := StartBroker(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	return broker
}

func TestBrokerCreatesNoTopicByItself(t *testing.T) {
	broker := startBroker(t, "")
	topics, err := kadm.NewClient(client(t, broker.Addrs()[0])).ListTopics(t.Context())
	require.NoError(t, err)
	require.Empty(t, topics)
	err = client(t, broker.Addrs()[0], kgo.UnknownTopicRetries(0)).ProduceSync(t.Context(), &kgo.Record{Topic: "typo", Value: []byte("x")}).FirstErr()
	require.Error(t, err, "a mistyped topic is an error, not a new topic")
}

func TestBrokerKeepsEverythingOverACleanStop(t *testing.T) {
	dir := t.TempDir()
	broker := startBroker(t, dir)
	admin := kadm.NewClient(client(t, broker.Addrs()[0]))
	_, err := admin.CreateTopic(t.Context(), 3, 1, nil, "events")
	require.NoError(t, err)
	produce(t, client(t, broker.Addrs()[0]), "events", 0, 100)
	require.NoError(t, broker.Close())
	require.NoError(t, broker.Close(), "a second close is nothing")

	again := startBroker(t, dir)
	require.Len(t, consume(t, client(t, again.Addrs()[0], kgo.ConsumeTopics("events")), 100), 100)
}

// Promise 1 and 3 stand on this: what was acknowledged, and how far a group has come, outlive kill -9.
func TestAcknowledgedRecordsAndOffsetsOutliveAKill(t *testing.T) {
	dir := t.TempDir()
	process, words := play(t, "broker", dir)
	producer := client(t, words[0])
	_, err := kadm.NewClient(producer).CreateTopic(t.Context(), 3, 1, nil, "events")
	require.NoError(t, err)
	produce(t, producer, "events", 0, 1000)
	group := client(t, words[0], kgo.ConsumerGroup("sink"), kgo.ConsumeTopics("events"),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.Len(t, consume(t, group, 1000), 1000)
	require.NoError(t, group.CommitUncommittedOffsets(t.Context()))
	produce(t, producer, "events", 1000, 500)
	kill9(t, process)

	broker := startBroker(t, dir)
	offsets, err := kadm.NewClient(client(t, broker.Addrs()[0])).FetchOffsets(t.Context(), "sink")
	require.NoError(t, err)
	var committed int64
	offsets.Each(func(o kadm.OffsetResponse) { committed += o.At })
	require.EqualValues(t, 1000, committed)
	all := consume(t, client(t, broker.Addrs()[0], kgo.ConsumeTopics("events")), 1500)
	require.Len(t, all, 1500, "each acknowledged record once")
	rest := client(t, broker.Addrs()[0], kgo.ConsumerGroup("sink"), kgo.ConsumeTopics("events"))
	for value := range consume(t, rest, 500) {
		require.GreaterOrEqual(t, len(value), 4, "the group goes on where it had committed, not at %s", value)
	}
}

// Offsets that moved in a transaction are kept as well: the workers commit no other way.
func TestTransactionalOffsetsOutliveAKill(t *testing.T) {
	dir := t.TempDir()
	process, words := play(t, "broker", dir)
	producer := client(t, words[0])
	_, err := kadm.NewClient(producer).CreateTopics(t.Context(), 1, 1, nil, "in", "out")
	require.NoError(t, err)
	produce(t, producer, "in", 0, 10)
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(words[0]), kgo.TransactionalID("worker-1"),
		kgo.ConsumerGroup("score"), kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer session.Close()
	for read := 0; read < 10; {
		fetches := session.PollFetches(t.Context())
		require.NoError(t, session.Begin())
		fetches.EachRecord(func(r *kgo.Record) {
			session.Produce(t.Context(), &kgo.Record{Topic: "out", Value: r.Value}, nil)
			read++
		})
		committed, err := session.End(t.Context(), kgo.TryCommit)
		require.NoError(t, err)
		require.True(t, committed)
	}
	kill9(t, process)

	broker := startBroker(t, dir)
	offsets, err := kadm.NewClient(client(t, broker.Addrs()[0])).FetchOffsets(t.Context(), "score")
	require.NoError(t, err)
	at, ok := offsets.Lookup("in", 0)
	require.True(t, ok)
	require.EqualValues(t, 10, at.At)
	reader := client(t, broker.Addrs()[0], kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.Len(t, consume(t, reader, 10), 10)
}

// A kill in the middle of a write leaves half a batch at the end of the log; the broker opens all the same.
func TestBrokerOpensALogThatWasCutShort(t *testing.T) {
	dir := t.TempDir()
	process, words := play(t, "broker", dir)
	producer := client(t, words[0])
	_, err := kadm.NewClient(producer).CreateTopic(t.Context(), 1, 1, nil, "events")
	require.NoError(t, err)
	for i := range 20 {
		produce(t, producer, "events", i, 1) // a batch each
	}
	kill9(t, process)
	var cut string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && strings.Contains(path, "events") && strings.HasSuffix(path, ".dat") {
			cut = path
		}
		return err
	}))
	require.NotEmpty(t, cut, "the segment file")
	info, err := os.Stat(cut)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(cut, info.Size()-5))

	broker := startBroker(t, dir)
	require.Len(t, consume(t, client(t, broker.Addrs()[0], kgo.ConsumeTopics("events")), 19), 19)
}

func TestBrokerRefusesAFolderInUseAndATakenPort(t *testing.T) {
	dir := t.TempDir()
	broker := startBroker(t, dir)
	cfg := DefaultBrokerConfig()
	cfg.Dir, cfg.Addr = dir, "127.0.0.1:0"
	_, err := StartBroker(t.Context(), cfg)
	require.ErrorContains(t, err, "is in use by another leadstream")
	cfg.Dir, cfg.Addr = t.TempDir(), broker.Addrs()[0]
	_, err = StartBroker(t.Context(), cfg)
	require.ErrorContains(t, err, "is taken by another process: stop that process, or choose another port with --kafka-addr")
	cfg.Addr = "127.0.0.1:0"
	second, err := StartBroker(t.Context(), cfg)
	require.NoError(t, err, "the refused start has left the folder free")
	require.NoError(t, second.Close())
}

func TestBrokerListensWhereItIsTold(t *testing.T) {
	cfg := DefaultBrokerConfig()
	cfg.Dir, cfg.Addr = "", "127.0.0.2:0"
	broker, err := StartBroker(t.Context(), cfg)
	require.NoError(t, err)
	defer broker.Close()
	host, _, err := net.SplitHostPort(broker.Addrs()[0])
	require.NoError(t, err)
	require.Equal(t, "127.0.0.2", host)
	require.NoError(t, client(t, broker.Addrs()[0]).Ping(context.Background()))
}

func TestBrokerConfigRefusesEveryFaultAtOnce(t *testing.T) {
	require.NoError(t, DefaultBrokerConfig().Validate())
	err := BrokerConfig{Addr: "0.0.0.0:9092"}.Validate()
	for _, fault := range []string{"addr: must be a loopback address", "retention_bytes: must be at least 1048576 (got 0)", "max_message_bytes: must be 1024..67108864 (got 0)"} {
		require.ErrorContains(t, err, fault)
	}
}
