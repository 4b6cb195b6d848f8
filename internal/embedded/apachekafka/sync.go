package apachekafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const pause = 50 * time.Millisecond

// awaitServing waits until the broker itself names itself: it answers clients only after the
// controller has let it in.
func (c *Cluster) awaitServing(ctx context.Context, b *broker) error {
	only, err := kgo.NewClient(kgo.SeedBrokers(b.addr()), kgo.DialTimeout(time.Second), kgo.RequestRetries(0), kgo.RetryTimeout(time.Second))
	if err != nil {
		return fmt.Errorf("apachekafka: %w", err)
	}
	defer only.Close()
	return until(ctx, func() error {
		if !b.running() {
			return errors.Join(errGone, fmt.Errorf("broker %d: %s; its log is %s", b.id, b.lastWords(), b.log()))
		}
		seen, err := metadata(ctx, only)
		if err != nil {
			return fmt.Errorf("broker %d does not answer: %w", b.id, err)
		}
		if !slices.ContainsFunc(seen.Brokers, func(m kmsg.MetadataResponseBroker) bool { return int(m.NodeID) == b.id }) {
			return fmt.Errorf("broker %d is not registered", b.id)
		}
		return nil
	})
}

// AwaitInSync waits until every partition has a leader and all of its replicas in sync.
func (c *Cluster) AwaitInSync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return until(ctx, func() error {
		seen, err := metadata(ctx, c.client)
		if err != nil {
			return err
		}
		if len(seen.Brokers) != len(c.brokers) {
			return fmt.Errorf("%d of %d brokers are registered", len(seen.Brokers), len(c.brokers))
		}
		for _, t := range seen.Topics {
			for _, p := range t.Partitions {
				if p.Leader < 0 || len(p.ISR) != len(p.Replicas) {
					return fmt.Errorf("%s/%d: leader %d, in sync %v of %v", *t.Topic, p.Partition, p.Leader, p.ISR, p.Replicas)
				}
			}
		}
		return nil
	})
}

// MoveLeaders gives every partition of every topic, the cluster's own too, another leader, and
// returns how many have one. It is what an operator does who balances a cluster: the order of the
// replicas is turned by one, then the first of them is elected.
func (c *Cluster) MoveLeaders(ctx context.Context) (moved int, err error) {
	var before *kmsg.MetadataResponse
	// Not once: the client may still hold a connection to a broker that died.
	err = until(ctx, func() (err error) { before, err = metadata(ctx, c.client); return err })
	if err != nil {
		return 0, err
	}
	var turned kadm.AlterPartitionAssignmentsReq
	var all kadm.TopicsSet
	for _, t := range before.Topics {
		for _, p := range t.Partitions {
			if i := slices.Index(p.Replicas, p.Leader); i >= 0 && len(p.Replicas) > 1 {
				turned.Assign(*t.Topic, p.Partition, append(slices.Clone(p.Replicas[i+1:]), p.Replicas[:i+1]...))
				all.Add(*t.Topic, p.Partition)
			}
		}
	}
	admin := kadm.NewClient(c.client)
	err = until(ctx, func() error {
		answers, err := admin.AlterPartitionAssignments(ctx, turned)
		return errors.Join(err, answers.Error())
	})
	if err != nil {
		return 0, err
	}
	if err := c.elect(ctx, admin, all); err != nil {
		return 0, err
	}
	// Brokers hear of it one after the other.
	err = until(ctx, func() error {
		after, err := metadata(ctx, c.client)
		if err != nil {
			return err
		}
		if moved = changed(before, after); moved < partitions(all) {
			return fmt.Errorf("%d of %d leaders have moved", moved, partitions(all))
		}
		return nil
	})
	return moved, err
}

func partitions(of kadm.TopicsSet) (n int) {
	for _, parts := range of {
		n += len(parts)
	}
	return n
}

// elect makes the first replica leader, where it is not: the broker calls that "not needed".
func (c *Cluster) elect(ctx context.Context, admin *kadm.Client, all kadm.TopicsSet) error {
	return until(ctx, func() error {
		elected, err := admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, all)
		if err != nil {
			return fmt.Errorf("electing leaders: %w", err)
		}
		for topic, parts := range elected {
			for _, p := range parts {
				if p.Err != nil && !errors.Is(p.Err, kerr.ElectionNotNeeded) {
					return fmt.Errorf("electing a leader of %s/%d: %w", topic, p.Partition, p.Err)
				}
			}
		}
		return nil
	})
}

// changed counts the partitions whose leader is another one.
func changed(before, after *kmsg.MetadataResponse) (n int) {
	leaders := map[string]int32{}
	key := func(t kmsg.MetadataResponseTopic, p kmsg.MetadataResponseTopicPartition) string {
		return fmt.Sprintf("%s/%d", *t.Topic, p.Partition)
	}
	for _, t := range before.Topics {
		for _, p := range t.Partitions {
			leaders[key(t, p)] = p.Leader
		}
	}
	for _, t := range after.Topics {
		for _, p := range t.Partitions {
			if was, known := leaders[key(t, p)]; known && was != p.Leader {
				n++
			}
		}
	}
	return n
}

// metadata asks any broker about all topics, past the client's cache.
func metadata(ctx context.Context, client *kgo.Client) (*kmsg.MetadataResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	req.Topics = nil // all
	seen, err := req.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("apachekafka: asking the cluster: %w", err)
	}
	return seen, nil
}

// until asks again and again, and tells at the end what still stood in the way.
func until(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if err == nil || errors.Is(err, errGone) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("apachekafka: not ready (%w): %w", ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}
