package scoring

import (
	"context"
	"fmt"

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
	ends, err := r.admin.ListEndOffsets(ctx, schemas.TopicRouted)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("scoring: end offsets of routed: %w", err)
	}
	known := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) { known[end.Partition] = end.Offset })
	r.raiseRouted(known)
	if !r.cfg.FreshTransactionalID {
		return nil
	}
	starts, err := r.admin.ListStartOffsets(ctx, schemas.TopicRouted)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return fmt.Errorf("scoring: start offsets of routed: %w", err)
	}
	type wanted struct{ from, count int64 }
	missing := map[lane]wanted{}
	open, begin := map[int32]int{}, map[int32]int64{}
	for num, w := range r.last {
		if !w.known {
			continue
		}
		w.rows.sent.each(func(to int32, from, count int64) {
			if from < offsetOf(starts, schemas.TopicRouted, to) {
				return // what retention took was there
			}
			missing[lane{num, to}] = wanted{from, count}
			if at, seen := begin[to]; !seen || from < at {
				begin[to] = from
			}
			open[to]++
		})
	}
	var tail *tail
	tail = r.newTail(schemas.TopicRouted, func(rec *kgo.Record) {
		routed := new(pb.Routed)
		if rec.Attrs.IsControl() || routed.UnmarshalVTUnsafe(rec.Value) != nil || routed.Source == nil {
			return
		}
		l := lane{routed.Source.Partition, rec.Partition}
		if w, asked := missing[l]; asked && rec.Offset >= w.from && w.count > 0 {
			w.count--
			if missing[l] = w; w.count == 0 {
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
	if err := tail.read(ctx); err != nil {
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
