package scoring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leadstream/schemas"
	"leadstream/scoring/replay"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicHistory gives the histories that the events topic still holds, up to its end at the time of
// asking: the very records that workers fold, read as they read them. Share i of n are the
// partitions p with p % n = i, one after the other, each gathered in memory: about 1 KB an event.
// Told how far somewhere else has got (partition -> first offset to read), it gives only what follows.
func TopicHistory(kafka []kgo.Opt, from map[int32]int64) replay.Source {
	return func(ctx context.Context, share, of int, each func(replay.History) error) error {
		r, err := newTopicReader(ctx, kafka, from)
		if err != nil {
			return err
		}
		defer r.asking.Close()
		for num := int32(share); int(num) < len(r.starts[schemas.TopicEvents]); num += int32(of) {
			if err := r.partition(ctx, num, each); err != nil {
				return err
			}
		}
		return nil
	}
}

// topicReader knows what there is to read.
type topicReader struct {
	kafka        []kgo.Opt
	asking       *kgo.Client
	starts, ends kadm.ListedOffsets
	from         map[int32]int64
}

func newTopicReader(ctx context.Context, kafka []kgo.Opt, from map[int32]int64) (*topicReader, error) {
	client, err := kgo.NewClient(kafka...)
	if err != nil {
		return nil, fmt.Errorf("scoring: kafka client to replay: %w", err)
	}
	r := &topicReader{kafka: kafka, asking: client, from: from}
	r.starts, r.ends, err = bounds(ctx, kadm.NewClient(client), schemas.TopicEvents)
	if err != nil {
		client.Close()
		return nil, err
	}
	return r, nil
}

// partition gathers and gives one.
func (r *topicReader) partition(ctx context.Context, num int32, each func(replay.History) error) error {
	start, end := offsetOf(r.starts, schemas.TopicEvents, num), offsetOf(r.ends, schemas.TopicEvents, num)
	if at, ok := r.from[num]; ok {
		start = max(start, at)
	}
	var order []schemas.LeadID
	gathered := map[schemas.LeadID]*replay.History{}
	err := r.read(ctx, num, start, end, func(rec *kgo.Record) {
		id, ev, no := decode(rec)
		if no != nil {
			return // it is in dead letters; the workers did not fold it either
		}
		h := gathered[id]
		if h == nil {
			h = &replay.History{ID: id, Site: ev.Site}
			gathered[id], order = h, append(order, id)
		}
		h.Moments = append(h.Moments, replay.Moment{Event: ev, Partition: num, Offset: rec.Offset})
	})
	if err != nil {
		return err
	}
	for _, id := range order {
		if err := each(*gathered[id]); err != nil {
			return err
		}
		delete(gathered, id)
	}
	return nil
}

// read shows the records of a partition in [start, end). What is in events was written without
// transactions, so that the last offset shows; should it not, silence ends the wait with an error.
func (r *topicReader) read(ctx context.Context, num int32, start, end int64, take func(*kgo.Record)) error {
	if start >= end {
		return nil
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, r.kafka...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{schemas.TopicEvents: {num: kgo.NewOffset().At(start)}}),
		kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxWait(250*time.Millisecond))...)
	if err != nil {
		return fmt.Errorf("scoring: kafka client to replay: %w", err)
	}
	defer client.Close()
	for at, heard := start, time.Now(); at < end; {
		pollCtx, cancel := context.WithTimeout(ctx, time.Second)
		fetches := client.PollRecords(pollCtx, 10_000)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return fmt.Errorf("scoring: replay: reading %s/%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			heard, at = time.Now(), rec.Offset+1
			if rec.Offset < end && !rec.Attrs.IsControl() {
				take(rec)
			}
		})
		if time.Since(heard) > time.Minute {
			return fmt.Errorf("scoring: replay: %s/%d gave nothing for a minute at offset %d of %d", schemas.TopicEvents, num, at, end)
		}
	}
	return nil
}

// EventsHeld is how many records the events topic holds.
func EventsHeld(ctx context.Context, kafka []kgo.Opt) (n uint64, err error) {
	r, err := newTopicReader(ctx, kafka, nil)
	if err != nil {
		return 0, err
	}
	defer r.asking.Close()
	for num := range r.starts[schemas.TopicEvents] {
		n += uint64(offsetOf(r.ends, schemas.TopicEvents, num) - offsetOf(r.starts, schemas.TopicEvents, num))
	}
	return n, nil
}
