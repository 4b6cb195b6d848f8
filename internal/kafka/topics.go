package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topic is a topic as it should be.
type Topic struct {
	Name        string
	Partitions  int32
	Replication int16             // 0 = 3, or as many as there are brokers
	Configs     map[string]string // cleanup.policy, retention.ms, ...; written when the topic is created, never after
}

const (
	topicsDeadline = 60 * time.Second       // for a cluster that elects leaders for new partitions while it is starting itself
	topicsPause    = 100 * time.Millisecond // between two looks
)

// EnsureTopics creates the topics that are missing and waits until every partition has a leader and every broker knows it.
// It may run any number of times, and in several processes at once: whoever comes second finds the topic there.
//
// A topic that exists with another number of partitions is refused: keys would move to other partitions, and with them away
// from the state that is kept there. Other settings of an existing topic are the operator's; Drift tells where they differ.
func EnsureTopics(ctx context.Context, cl *kgo.Client, topics []Topic) error {
	ctx, cancel := context.WithTimeout(ctx, topicsDeadline)
	defer cancel()
	seen, err := look(ctx, cl, topics)
	if err != nil {
		return err
	}
	var missing []Topic
	for _, t := range topics {
		if errors.Is(kerr.ErrorForCode(seen.topics[t.Name].ErrorCode), kerr.UnknownTopicOrPartition) {
			missing = append(missing, t)
		}
	}
	if err := create(ctx, cl, missing, len(seen.brokers)); err != nil {
		return err
	}
	if seen, err = awaitLeaders(ctx, cl, topics, seen); err != nil {
		return err
	}
	return checkPartitions(topics, seen)
}

// sight is the cluster as one broker sees it.
type sight struct {
	brokers []int32
	topics  map[string]kmsg.MetadataResponseTopic
}

// look asks for fresh metadata: any broker through the client, or a certain one. Not through kadm, whose answers may be five
// seconds old: too old to see what was just made.
func look(ctx context.Context, of kmsg.Requestor, topics []Topic) (sight, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false // a topic made by the broker's own defaults would have the wrong partitions
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, t := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(t.Name)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, of)
	if err != nil {
		return sight{}, fmt.Errorf("kafka: asking for the topics: %w", err)
	}
	s := sight{topics: make(map[string]kmsg.MetadataResponseTopic, len(resp.Topics))}
	for _, b := range resp.Brokers {
		s.brokers = append(s.brokers, b.NodeID)
	}
	for _, t := range resp.Topics {
		if t.Topic != nil {
			s.topics[*t.Topic] = t
		}
	}
	return s, nil
}

func create(ctx context.Context, cl *kgo.Client, missing []Topic, brokers int) error {
	adm := kadm.NewClient(cl)
	var errs []error
	for _, t := range missing {
		replication := t.Replication
		if replication == 0 {
			replication = int16(min(3, max(1, brokers)))
		}
		for {
			resp, err := adm.CreateTopic(ctx, t.Partitions, replication, settings(t, replication), t.Name)
			if kerr.IsRetriable(err) && pause(ctx) == nil {
				continue
			}
			// A request that timed out may have worked: awaitLeaders finds out.
			if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) && !errors.Is(err, kerr.RequestTimedOut) {
				errs = append(errs, explain(t, replication, brokers, err, resp.ErrMessage))
			}
			break
		}
	}
	return errors.Join(errs...)
}

// settings completes the topic's settings. "Acknowledged by all in-sync replicas" is only worth something when there must be
// more than one: of three replicas two must have a record before it counts as kept.
func settings(t Topic, replication int16) map[string]*string {
	all := map[string]*string{}
	if replication >= 3 {
		all["min.insync.replicas"] = kmsg.StringPtr(strconv.Itoa(int(replication) - 1))
	}
	for name, value := range t.Configs {
		all[name] = kmsg.StringPtr(value)
	}
	return all
}

func explain(t Topic, replication int16, brokers int, err error, detail string) error {
	switch {
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return fmt.Errorf("topic %s: %d replicas are wanted, the cluster has %d brokers: lower kafka.replication, or add brokers: %w", t.Name, replication, brokers, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("topic %s: this user may not create topics: allow it, or run kafka-topics.sh --create --topic %s --partitions %d --replication-factor %d%s: %w",
			t.Name, t.Name, t.Partitions, replication, flags(settings(t, replication)), err)
	case detail != "":
		return fmt.Errorf("topic %s: cannot be created: %s: %w", t.Name, detail, err)
	}
	return fmt.Errorf("topic %s: cannot be created: %w", t.Name, err)
}

func flags(settings map[string]*string) (text string) {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		text += fmt.Sprintf(" --config %s=%s", name, *settings[name])
	}
	return text
}

// awaitLeaders looks until every topic can be written to. The first look may already do.
func awaitLeaders(ctx context.Context, cl *kgo.Client, topics []Topic, s sight) (sight, error) {
	for {
		waiting := s.waiting(topics)
		if waiting != nil && !kerr.IsRetriable(waiting) { // not a matter of time
			return s, waiting
		}
		if waiting == nil {
			waiting = everywhere(ctx, cl, topics, s.brokers)
		}
		if waiting == nil {
			return s, nil
		}
		if err := pause(ctx); err != nil {
			return s, fmt.Errorf("%w: %w", waiting, err)
		}
		var err error
		if s, err = look(ctx, cl, topics); err != nil {
			return s, err
		}
	}
}

// waiting names a topic that cannot be written to yet; one that never can be, if there is such.
func (s sight) waiting(topics []Topic) (first error) {
	for _, t := range topics {
		err := ready(s.topics[t.Name])
		if err == nil {
			continue
		}
		if err = fmt.Errorf("topic %s: %w", t.Name, err); !kerr.IsRetriable(err) {
			return err
		}
		first = cmp.Or(first, err)
	}
	return first
}

// everywhere asks every broker. In a cluster they hear of a new topic one after the other, and the next client may ask the
// last of them. One that does not answer is somebody else's trouble.
func everywhere(ctx context.Context, cl *kgo.Client, topics []Topic, brokers []int32) error {
	for _, id := range brokers {
		s, err := look(ctx, cl.Broker(int(id)), topics)
		if err != nil {
			continue
		}
		if err := s.waiting(topics); err != nil {
			return fmt.Errorf("on broker %d: %w", id, err)
		}
	}
	return nil
}

// ready returns what still stands in the way of using a topic.
func ready(t kmsg.MetadataResponseTopic) error {
	if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
		return err
	}
	if len(t.Partitions) == 0 {
		return kerr.UnknownTopicOrPartition
	}
	for _, p := range t.Partitions {
		if p.Leader < 0 {
			return fmt.Errorf("partition %d: %w", p.Partition, kerr.LeaderNotAvailable)
		}
	}
	return nil
}

func checkPartitions(topics []Topic, s sight) error {
	var errs []error
	for _, t := range topics {
		if got := len(s.topics[t.Name].Partitions); got != int(t.Partitions) {
			errs = append(errs, fmt.Errorf("topic %s has %d partitions, the config wants %d: state is kept by partition, so the number never changes: set kafka.partitions to %d",
				t.Name, got, t.Partitions, got))
		}
	}
	return errors.Join(errs...)
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(topicsPause):
		return nil
	}
}

// Drift returns a sentence for every setting of an existing topic that differs from what EnsureTopics would create.
func Drift(ctx context.Context, cl *kgo.Client, topics []Topic) ([]string, error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	described, err := kadm.NewClient(cl).DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("kafka: asking for the topics' settings: %w", err)
	}
	var drift []string
	for _, t := range topics {
		found, err := described.On(t.Name, nil)
		if err != nil {
			return nil, fmt.Errorf("topic %s: settings: %w", t.Name, err)
		}
		is := map[string]string{}
		for _, c := range found.Configs {
			is[c.Key] = c.MaybeValue()
		}
		for _, name := range slices.Sorted(maps.Keys(t.Configs)) {
			if is[name] != t.Configs[name] {
				drift = append(drift, fmt.Sprintf("topic %s: %s is %q, not %q", t.Name, name, is[name], t.Configs[name]))
			}
		}
	}
	return drift, nil
}
