package sink

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"leadstream/schemas"
)

// An offset names a record only as long as the log is the same. A topic that was made anew, or a broker that lost the
// end of its log and grew another one, has other records at the same numbers, and a group that goes on at its committed
// offset never reads those below it. So each commit says, in its metadata, which record it stands behind; when
// partitions are assigned, that record is read again, and where another one is in its place, or none, the partition is
// read from its beginning. What is written twice then changes no answer.
//
// A real cluster notices a lost end itself, by leader epochs, but not a topic that was made anew.

// fingerprint names a record for the commit behind it.
func fingerprint(rec *kgo.Record) string {
	hash := fnv.New64a()
	_, _ = hash.Write(rec.Key)
	_, _ = hash.Write(rec.Value)
	return fmt.Sprintf("1:%d:%x", rec.Timestamp.UnixMilli(), hash.Sum64())
}

// withFingerprints makes a commit carry the batch's last records.
func (b *batch) withFingerprints(ctx context.Context) context.Context {
	return kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				part := &req.Topics[i].Partitions[j]
				if s, ok := b.spans[partition{req.Topics[i].Topic, part.Partition}]; ok {
					print := fingerprint(s.end)
					part.Metadata = &print
				}
			}
		}
		return nil
	})
}

// lookBack bounds the look at the records behind the commits. What was not seen by then is believed: reading on is the
// rule, and a start must not hang on a partition without a leader.
const lookBack = 5 * time.Second

// rewindRegrown is asked at every assignment, with the committed offsets, before anything is read.
func (w *worker) rewindRegrown(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	ctx, cancel := context.WithTimeout(ctx, lookBack)
	defer cancel()
	select {
	case <-w.made:
	case <-ctx.Done():
		return offsets, nil
	}
	admin := kadm.NewClient(w.client)
	committed, err := admin.FetchOffsets(ctx, w.cfg.Group)
	if err != nil {
		return offsets, nil //nolint:nilerr // the client has just read them itself; reading goes on where it says
	}
	ends, err := admin.ListEndOffsets(ctx, schemas.TopicEvents, schemas.TopicLeads, schemas.TopicLedger, schemas.TopicStages)
	if err != nil {
		return offsets, nil //nolint:nilerr // as above
	}
	wanted := map[partition]string{}
	behind := map[string]map[int32]kgo.Offset{}
	for topic, parts := range offsets {
		for number := range parts {
			at, known := committed.Lookup(topic, number)
			if !known || at.At <= 0 || at.Metadata == "" {
				continue
			}
			if end, ok := ends.Lookup(topic, number); ok && end.Err == nil && end.Offset < at.At {
				w.rewind(offsets, topic, number, at.At, "the log ends before it")
				continue
			}
			wanted[partition{topic, number}] = at.Metadata
			if behind[topic] == nil {
				behind[topic] = map[int32]kgo.Offset{}
			}
			behind[topic][number] = kgo.NewOffset().At(at.At - 1)
		}
	}
	for at, found := range w.recordsAt(ctx, behind) {
		if found != wanted[at] {
			offset, _ := committed.Lookup(at.topic, at.number)
			w.rewind(offsets, at.topic, at.number, offset.At, "another record stands before it")
		}
	}
	return offsets, nil
}

func (w *worker) rewind(offsets map[string]map[int32]kgo.Offset, topic string, number int32, committed int64, why string) {
	offsets[topic][number] = kgo.NewOffset().AtStart()
	w.metrics.regrown.Inc()
	w.log.Warn("sink: the log is not the one that was read; the partition is read from its beginning, which changes no answer",
		zap.String("topic", topic), zap.Int32("partition", number), zap.Int64("committed", committed), zap.String("because", why))
}

// recordsAt reads one record of each partition; those are missing whose record is gone (compacted, past its retention).
func (w *worker) recordsAt(ctx context.Context, at map[string]map[int32]kgo.Offset) map[partition]string {
	found, open := map[partition]string{}, 0
	for _, parts := range at {
		open += len(parts)
	}
	if open == 0 {
		return found
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, w.kafkaOpts...), kgo.ConsumePartitions(at), kgo.KeepControlRecords(),
		kgo.FetchMaxWait(100*time.Millisecond), kgo.FetchMaxPartitionBytes(1), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return found
	}
	defer client.Close()
	seen := map[partition]bool{}
	for len(seen) < open && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
			where := partition{rec.Topic, rec.Partition}
			if !seen[where] {
				seen[where] = true
				client.PauseFetchPartitions(map[string][]int32{rec.Topic: {rec.Partition}})
				if rec.Offset == at[rec.Topic][rec.Partition].EpochOffset().Offset {
					found[where] = fingerprint(rec)
				}
			}
		})
	}
	return found
}
