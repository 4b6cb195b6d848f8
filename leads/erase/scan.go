package erase

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// scan reads a topic from its first record to where it ended when the scan began. Aborted records are read, too: they are
// bytes on a disk like all others.
func (e *Eraser) scan(ctx context.Context, topic string, progress func(done, of int64), each func(key, value []byte)) error {
	starts, err := e.admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return fmt.Errorf("erase: where %s begins: %w", topic, err)
	}
	ends, err := e.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("erase: where %s ends: %w", topic, err)
	}
	from, until, of := map[int32]kgo.Offset{}, map[int32]int64{}, int64(0)
	for partition, end := range ends[topic] {
		if start, _ := starts.Lookup(topic, partition); start.Offset < end.Offset {
			from[partition], until[partition] = kgo.NewOffset().At(start.Offset), end.Offset
			of += end.Offset - start.Offset
		}
	}
	if len(until) == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(e.kafka.Opts(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.KeepControlRecords(), // a topic may end with one
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()),
	)...)
	if err != nil {
		return fmt.Errorf("erase: read %s: %w", topic, err)
	}
	defer client.Close()
	return drain(ctx, client, topic, until, of, progress, each)
}

// silence is how long nothing has to come before the rest of a topic is given up: what compaction took from a topic's end
// leaves offsets that no record will ever have.
const silence = 10 * time.Second

func drain(ctx context.Context, client *kgo.Client, topic string, until map[int32]int64, of int64, progress func(done, of int64), each func(key, value []byte)) error {
	done := int64(0)
	for heard := time.Now(); len(until) > 0 && time.Since(heard) < silence; {
		poll, cancel := context.WithTimeout(ctx, time.Second)
		fetches := client.PollFetches(poll)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fetches.EachRecord(func(r *kgo.Record) {
			heard = time.Now()
			end, reading := until[r.Partition]
			if !reading {
				return
			}
			done++
			each(r.Key, r.Value)
			if r.Offset+1 >= end {
				delete(until, r.Partition)
			}
		})
		progress(done, of)
		for _, failed := range fetches.Errors() {
			if failed.Err != context.DeadlineExceeded {
				return fmt.Errorf("erase: read %s/%d: %w", topic, failed.Partition, failed.Err)
			}
		}
	}
	return nil
}
