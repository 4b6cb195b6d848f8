package erase

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// KafkaOpts are what the eraser's client needs on top of how to reach the brokers.
func KafkaOpts() []kgo.Opt {
	return []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks())}
}

// places are offsets by topic and partition.
type places map[string]map[int32]int64

func (p places) raise(topic string, partition int32, offset int64) {
	if p[topic] == nil {
		p[topic] = map[int32]int64{}
	}
	p[topic][partition] = max(p[topic][partition], offset)
}

// command tells the owner of each of the person's leads to forget it, and returns which offsets the owners must have read.
// A lead's state lives in the partition of its events, and so does what is said to its owner.
func (e *Eraser) command(ctx context.Context, r *Request) (places, error) {
	partitions, err := e.partitions(ctx)
	if err != nil {
		return nil, err
	}
	var records []*kgo.Record
	for key, lead := range r.Person.keys() {
		id, err := schemas.ParseLeadID(lead)
		if err != nil {
			return nil, fmt.Errorf("erase: %w", err)
		}
		value, err := proto.Marshal(&pb.Routed{LeadId: id[:], What: &pb.Routed_Erase{Erase: &pb.Erase{Site: r.Person.Site, Until: r.Until().UnixMilli()}}})
		if err != nil {
			return nil, fmt.Errorf("erase: %w", err)
		}
		records = append(records, &kgo.Record{Topic: schemas.TopicRouted, Partition: partitionOf(key, partitions), Key: []byte(lead), Value: value})
	}
	told := places{}
	for _, result := range e.kafka.ProduceSync(ctx, records...) {
		if result.Err != nil {
			return nil, fmt.Errorf("erase: tell the owner of the lead: %w", result.Err)
		}
		told.raise(schemas.TopicRouted, result.Record.Partition, result.Record.Offset+1)
	}
	return told, nil
}

// keys are the event keys of the person's leads, each with its lead id. Every lead id was made from one of the ids, except the
// one that was asked for by name only.
func (p Person) keys() map[string]string {
	keys := map[string]string{}
	for _, id := range p.AnonymousIDs {
		key := schemas.EventKey(p.Site, id, "")
		keys[key] = schemas.NewLeadID(key).String()
	}
	for _, id := range p.UserIDs {
		key := schemas.EventKey(p.Site, "", id)
		keys[key] = schemas.NewLeadID(key).String()
	}
	return keys
}

// partitionOf is where the collectors' producer puts a key: the client's and Kafka's own default.
func partitionOf(key string, partitions int) int32 {
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic(schemas.TopicEvents).Partition(&kgo.Record{Key: []byte(key)}, partitions))
}

func (e *Eraser) partitions(ctx context.Context) (int, error) {
	topics, err := e.admin.ListTopics(ctx, schemas.TopicEvents)
	if err != nil {
		return 0, fmt.Errorf("erase: ask the broker for its topics: %w", err)
	}
	n := len(topics[schemas.TopicEvents].Partitions)
	if n == 0 {
		return 0, fmt.Errorf("erase: topic %s is missing; `leadstream migrate` creates it", schemas.TopicEvents)
	}
	return n, nil
}
