package owner

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// KafkaOpts are what a teller's client needs on top of how to reach the brokers.
func KafkaOpts() []kgo.Opt {
	return []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks())}
}

// Teller tells owners. Its client is not its own to close.
type Teller struct {
	kafka *kgo.Client
	admin *kadm.Client
}

// New asks nothing of the broker yet.
func New(client *kgo.Client) *Teller { return &Teller{client, kadm.NewClient(client)} }

// Letter is one thing to say.
type Letter struct {
	Home   string // the event key of the id that it is about: its owner's partition is found by it
	Key    string // the record's key; "" = Home
	Routed *pb.Routed
}

// Tell returns when all letters are kept, and by partition of the topic the offset that an owner has passed when it has read them.
func (t *Teller) Tell(ctx context.Context, letters ...Letter) (map[int32]int64, error) {
	partitions, err := t.partitions(ctx)
	if err != nil {
		return nil, err
	}
	var records []*kgo.Record
	for _, l := range letters {
		if l.Key == "" {
			l.Key = l.Home
		}
		if l.Routed.LeadId == nil {
			id := schemas.NewLeadID(l.Home)
			l.Routed.LeadId = id[:]
		}
		value, err := proto.Marshal(l.Routed)
		if err != nil {
			return nil, fmt.Errorf("tell the owner of the lead: %w", err)
		}
		records = append(records, &kgo.Record{Topic: schemas.TopicRouted, Partition: partitionOf(l.Home, partitions), Key: []byte(l.Key), Value: value})
	}
	ends := map[int32]int64{}
	for _, result := range t.kafka.ProduceSync(ctx, records...) {
		if result.Err != nil {
			return nil, fmt.Errorf("tell the owner of the lead: %w", result.Err)
		}
		ends[result.Record.Partition] = max(ends[result.Record.Partition], result.Record.Offset+1)
	}
	return ends, nil
}

// partitionOf is where the collectors' producer puts a key: the client's and Kafka's own default.
func partitionOf(key string, partitions int) int32 {
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic(schemas.TopicEvents).Partition(&kgo.Record{Key: []byte(key)}, partitions))
}

func (t *Teller) partitions(ctx context.Context) (int, error) {
	topics, err := t.admin.ListTopics(ctx, schemas.TopicEvents)
	if err != nil {
		return 0, fmt.Errorf("ask the broker for its topics: %w", err)
	}
	n := len(topics[schemas.TopicEvents].Partitions)
	if n == 0 {
		return 0, fmt.Errorf("topic %s is missing; `leadstream migrate` creates it", schemas.TopicEvents)
	}
	return n, nil
}
