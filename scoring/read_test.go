package scoring

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// read returns a topic's committed records, by partition and offset.
func (r *rig) read(topic string) []*kgo.Record {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	ends, err := r.admin.ListEndOffsets(ctx, topic)
	require.NoError(r.t, err)
	at, until := map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			at[end.Partition], until[end.Partition] = kgo.NewOffset().AtStart(), end.Offset
		}
	})
	if len(at) == 0 {
		return nil
	}
	asked := new(fetchesAnswered)
	reader, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond), kgo.WithHooks(asked))
	require.NoError(r.t, err)
	defer reader.Close()
	var out []*kgo.Record
	for silent := 0; len(until) > 0 && silent < 4; {
		pollCtx, cancel := context.WithTimeout(ctx, time.Second)
		fetches := reader.PollFetches(pollCtx)
		cancel()
		require.NoError(r.t, ctx.Err(), "%s: still to read %v", topic, until)
		if fetches.NumRecords() > 0 {
			silent = 0
			asked.n.Store(0)
		} else if stable, err := r.admin.ListCommittedOffsets(ctx, topic); err == nil && asked.n.Load() >= 20 && !slices.ContainsFunc(
			slices.Collect(maps.Keys(until)), func(num int32) bool { return offsetOf(stable, topic, num) < until[num] }) {
			silent++ // what is hidden at the end of an aborted transaction, with no marker behind it
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			if !rec.Attrs.IsControl() {
				out = append(out, rec)
			}
			if rec.Offset+1 >= until[rec.Partition] {
				delete(until, rec.Partition)
			}
		})
	}
	slices.SortFunc(out, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return out
}

// fetchesAnswered counts a reader's answered fetches: a reader that heard nothing because nobody answered knows nothing.
type fetchesAnswered struct{ n atomic.Int64 }

func (a *fetchesAnswered) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.Fetch) && err == nil {
		a.n.Add(1)
	}
}
