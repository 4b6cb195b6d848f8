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

// topicReader reads events again, as far as the topic still holds them.
type topicReader struct {
	kafka        []kgo.Opt
	asking       *kgo.Client
	starts, ends kadm.ListedOffsets
}

func newTopicReader(ctx context.Context, kafka []kgo.Opt) (*topicReader, error) {
	client, err := kgo.NewClient(kafka...)
	if err != nil {
		return nil, fmt.Errorf("scoring: kafka client to replay: %w", err)
	}
	r := &topicReader{kafka: kafka, asking: client}
	r.starts, r.ends, err = bounds(ctx, kadm.NewClient(client), schemas.TopicEvents)
	if err != nil {
		client.Close()
		return nil, err
	}
	return r, nil
}

// span is what there is to read of a partition: [start, end).
func (r *topicReader) span(num int32) (start, end int64) {
	return offsetOf(r.starts, schemas.TopicEvents, num), offsetOf(r.ends, schemas.TopicEvents, num)
}

// told is an event of the topic: the id that it counts for, and whether its record stood under that very id. One that
// names a visitor and a user stands under the visitor and counts for the user.
type told struct {
	replay.Moment
	id   schemas.LeadID
	home bool
}

// moments shows the events of a partition in [start, end). What the workers could not read is left out.
func (r *topicReader) moments(ctx context.Context, num int32, start, end int64, take func(told)) error {
	return r.read(ctx, num, start, end, func(rec *kgo.Record) {
		id, ev, no := decode(rec)
		if no != nil {
			return // it is in dead letters; the workers did not fold it either
		}
		origin := id
		if ev.UserId != "" && ev.AnonymousId != "" {
			origin = schemas.NewLeadID(schemas.OriginKey(ev.Site, ev.AnonymousId, ev.UserId))
		}
		take(told{replay.Moment{Event: ev, Partition: num, Offset: rec.Offset}, origin, id == origin})
	})
}

// TopicMoments shows the events that the topic holds from an offset of each partition on, up to another (neither told:
// all of it), with the id that each counts for.
func TopicMoments(ctx context.Context, kafka []kgo.Opt, from, until map[int32]int64, take func(id schemas.LeadID, m replay.Moment)) error {
	r, err := newTopicReader(ctx, kafka)
	if err != nil {
		return err
	}
	defer r.asking.Close()
	for num := range r.starts[schemas.TopicEvents] {
		start, end := r.span(num)
		if at, ok := from[num]; ok {
			start = max(start, at)
		}
		if until != nil {
			end = min(end, until[num])
		}
		if err := r.moments(ctx, num, start, end, func(t told) { take(t.id, t.Moment) }); err != nil {
			return err
		}
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
	r, err := newTopicReader(ctx, kafka)
	if err != nil {
		return 0, err
	}
	defer r.asking.Close()
	for num := range r.starts[schemas.TopicEvents] {
		start, end := r.span(num)
		n += uint64(end - start)
	}
	return n, nil
}
