package embeddedtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Committed returns a topic's committed records, by partition and offset.
func Committed(t testing.TB, addrs []string, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	r := &reading{topic: topic, from: map[int32]kgo.Offset{}, until: map[int32]int64{}}
	if err := r.begin(ctx, addrs); err != nil {
		t.Fatalf("embeddedtest: reading %s: %v", topic, err)
	}
	defer r.asking.Close()
	if len(r.until) == 0 {
		return nil
	}
	// A reader that found nothing more is believed when another one, which begins where it stopped, finds nothing either.
	for again := false; len(r.until) > 0; again = true {
		had := len(r.out)
		if err := r.toTheEnd(ctx, addrs); err != nil {
			t.Fatalf("embeddedtest: reading %s, still to read %v: %v", topic, r.until, err)
		}
		if again && len(r.out) == had {
			break
		}
		if again {
			t.Logf("embeddedtest: a reader of %s had stopped %d records too early; the client said: %v", topic, len(r.out)-had, r.odd)
		}
	}
	slices.SortFunc(r.out, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return r.out
}

// reading is a topic on its way.
type reading struct {
	topic  string
	asking *kgo.Client
	from   map[int32]kgo.Offset
	until  map[int32]int64 // where the partitions end that are not read to their end yet
	out    []*kgo.Record
	odd    error // what the client said last beside records
}

// begin asks where the topic ends.
func (r *reading) begin(ctx context.Context, addrs []string) (err error) {
	if r.asking, err = kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.MetadataMinAge(100*time.Millisecond)); err != nil {
		return err
	}
	ends, err := kadm.NewClient(r.asking).ListEndOffsets(ctx, r.topic)
	if err != nil {
		r.asking.Close()
		return err
	}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			r.from[end.Partition], r.until[end.Partition] = kgo.NewOffset().AtStart(), end.Offset
		}
	})
	return nil
}

// toTheEnd reads until the ends are seen, or all that is left is hidden: the end of an aborted
// transaction, with no marker behind it.
func (r *reading) toTheEnd(ctx context.Context, addrs []string) error {
	asked, from := new(fetchesAnswered), map[int32]kgo.Offset{}
	for num := range r.until {
		from[num] = r.from[num]
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.topic: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond), kgo.WithHooks(asked))
	if err != nil {
		return err
	}
	defer reader.Close()
	for silent := 0; len(r.until) > 0 && silent < 4; {
		pollCtx, cancel := context.WithTimeout(ctx, time.Second)
		fetches := reader.PollFetches(pollCtx)
		cancel()
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case fetches.NumRecords() > 0:
			silent = 0
			asked.n.Store(0)
		case asked.n.Load() >= 20 && r.stable(ctx):
			silent++
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				r.odd = fmt.Errorf("%s/%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
		fetches.EachRecord(r.take)
	}
	return nil
}

func (r *reading) take(rec *kgo.Record) {
	if !rec.Attrs.IsControl() {
		r.out = append(r.out, rec)
	}
	r.from[rec.Partition] = kgo.NewOffset().At(rec.Offset + 1)
	if rec.Offset+1 >= r.until[rec.Partition] {
		delete(r.until, rec.Partition)
	}
}

// stable tells that no open transaction hides what is still to be read.
func (r *reading) stable(ctx context.Context) bool {
	ends, err := kadm.NewClient(r.asking).ListCommittedOffsets(ctx, r.topic)
	return err == nil && !slices.ContainsFunc(slices.Collect(maps.Keys(r.until)), func(num int32) bool {
		end, _ := ends.Lookup(r.topic, num)
		return end.Offset < r.until[num]
	})
}

// fetchesAnswered counts a reader's answered fetches: a reader that heard nothing because nobody answered knows nothing.
type fetchesAnswered struct{ n atomic.Int64 }

// OnBrokerRead implements kgo.HookBrokerRead.
func (a *fetchesAnswered) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.Fetch) && err == nil {
		a.n.Add(1)
	}
}
