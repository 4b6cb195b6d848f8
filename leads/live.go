package leads

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"leadstream/internal/kafka"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// liveRetry is the pause before the live reader is started again. The client mends broken connections by itself; what ends
// the reader is rarer and not mended by haste.
const liveRetry = 2 * time.Second

// LiveTopic is a Deps.Live over the leads topic: from its end, committed records only, every partition. It is in no consumer
// group and keeps no offsets: after a pause the newest state comes from ClickHouse, not from a backlog.
func LiveTopic(cfg kafka.Config, log *zap.Logger) func(context.Context, func(*pb.LeadRecord)) error {
	return func(ctx context.Context, each func(*pb.LeadRecord)) error {
		client, err := kafka.NewClient(cfg, log,
			kgo.ConsumeTopics(schemas.TopicLeads),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.FetchMaxWait(100*time.Millisecond),
		)
		if err != nil {
			return err
		}
		defer client.Close()
		for {
			fetches := client.PollFetches(ctx)
			if ctx.Err() != nil {
				return nil
			}
			for _, failure := range fetches.Errors() {
				return fmt.Errorf("leads: live: %s partition %d: %w", failure.Topic, failure.Partition, failure.Err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if len(r.Value) == 0 {
					return // a tombstone: the lead was erased
				}
				var record pb.LeadRecord
				if proto.Unmarshal(r.Value, &record) != nil {
					each(nil) // counted; the sink is the one to keep it as a dead letter
					return
				}
				each(&record)
			})
		}
	}
}

// follow feeds the hub for as long as the role runs.
func (s *Service) follow(ctx context.Context) {
	if s.deps.Live == nil {
		return
	}
	for {
		err := s.deps.Live(ctx, s.take)
		if ctx.Err() != nil {
			return
		}
		s.metrics.liveRestarts.Inc()
		s.log.Warn("live updates stopped; starting them again", zap.Duration("in", liveRetry), zap.Error(err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(liveRetry):
		}
	}
}

// take hands one record to the hub; nil stands for one that could not be read.
func (s *Service) take(record *pb.LeadRecord) {
	if record == nil || len(record.GetLeadId()) != len(schemas.LeadID{}) {
		s.metrics.liveUnread.Inc()
		return
	}
	s.metrics.liveRecords.Inc()
	if received := record.GetReceivedAt(); received > 0 {
		s.metrics.liveSeconds.Observe(max(0, time.Since(time.UnixMilli(received)).Seconds()))
	}
	s.hub.put(record)
}
