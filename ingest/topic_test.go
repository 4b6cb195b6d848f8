package ingest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// broker is a Kafka-protocol broker in memory, with the topics that the collectors write.
func broker(t testing.TB) (*kfake.Cluster, []KafkaOption) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, schemas.TopicEvents, schemas.TopicDeadLetter))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster, []KafkaOption{kgo.SeedBrokers(cluster.ListenAddrs()...)}
}

// records reads a topic from its beginning to where it ends now.
func records(t testing.TB, opts []KafkaOption, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, opts...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(100*time.Millisecond))...)
	require.NoError(t, err)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	require.NoError(t, err)
	missing := int64(0)
	ends.Each(func(o kadm.ListedOffset) { missing += o.Offset })
	var all []*kgo.Record
	for int64(len(all)) < missing {
		fetches := client.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		all = append(all, fetches.Records()...)
	}
	return all
}

// stored is the events of the topic by id, with how often each is there.
func stored(t testing.TB, opts []KafkaOption) (map[string]*pb.Event, map[string]int) {
	t.Helper()
	events, times := map[string]*pb.Event{}, map[string]int{}
	for _, r := range records(t, opts, schemas.TopicEvents) {
		e := &pb.Event{}
		require.NoError(t, proto.Unmarshal(r.Value, e))
		require.Equal(t, schemas.EventKey(e.Site, e.AnonymousId, e.UserId), string(r.Key))
		events[e.EventId] = e
		times[e.EventId]++
	}
	return events, times
}

func deadLetters(t testing.TB, opts []KafkaOption) []*pb.DeadLetter {
	t.Helper()
	var all []*pb.DeadLetter
	for _, r := range records(t, opts, schemas.TopicDeadLetter) {
		d := &pb.DeadLetter{}
		require.NoError(t, proto.Unmarshal(r.Value, d))
		all = append(all, d)
	}
	return all
}
