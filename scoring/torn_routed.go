package scoring

import (
	"context"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// unsent marks the partitions whose last transaction sent more to other homes than
// stands in routed: an id's whole state may be among it. It also learns where routed
// ends, for what is sent next.
func (r *restorer) unsent(ctx context.Context, torn map[int32]bool) error {
	starts, ends, err := bounds(ctx, r.admin, schemas.TopicRouted)
	if err != nil {
		return err
	}
	known := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) { known[end.Partition] = end.Offset })
	r.raiseRouted(known)
	if !r.cfg.FreshTransactionalID {
		return nil
	}
	missing := r.owed(starts)
	if err := r.find(ctx, missing, ends); err != nil {
		return err
	}
	for l, w := range missing {
		if w.count > 0 {
			torn[l.from] = true
			r.log.Warn("scoring: a killed broker kept a transaction's leads without what they sent to other leads; it is done again from its events",
				zap.Int32("partition", l.from), zap.Int32("to", l.to), zap.Int64("missing", w.count))
		}
	}
	return nil
}

// owed is what a transaction says it sent over one lane: not before from, and so many.
type owed struct{ from, count int64 }

// owed is what the last transactions say; what retention took was there.
func (r *restorer) owed(starts kadm.ListedOffsets) map[lane]*owed {
	out := map[lane]*owed{}
	for num, w := range r.last {
		if !w.known {
			continue
		}
		w.rows.sent.each(func(to int32, from, count int64) {
			if from >= offsetOf(starts, schemas.TopicRouted, to) {
				out[lane{num, to}] = &owed{from, count}
			}
		})
	}
	return out
}

// find reads routed and takes what is there off what is missing.
func (r *restorer) find(ctx context.Context, missing map[lane]*owed, ends kadm.ListedOffsets) error {
	open, begin := map[int32]int{}, map[int32]int64{} // by partition: lanes not found yet, where the first begins
	for l, w := range missing {
		if at, seen := begin[l.to]; !seen || w.from < at {
			begin[l.to] = w.from
		}
		open[l.to]++
	}
	var tail *tail
	tail = r.newTail(schemas.TopicRouted, func(rec *kgo.Record) {
		routed := new(pb.Routed)
		if rec.Attrs.IsControl() || routed.UnmarshalVTUnsafe(rec.Value) != nil || routed.Source == nil || routed.Track != r.track {
			return
		}
		l := lane{routed.Source.Partition, rec.Partition}
		if w := missing[l]; w != nil && rec.Offset >= w.from && w.count > 0 {
			if w.count--; w.count == 0 {
				open[l.to]--
			}
		}
		if open[rec.Partition] == 0 {
			delete(tail.until, rec.Partition) // enough: what comes after may be hidden, and long to wait for
		}
	})
	for to, from := range begin {
		tail.add(to, from, offsetOf(ends, schemas.TopicRouted, to))
	}
	return tail.read(ctx)
}
