package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// singling finds the records whose rows of one table ClickHouse refuses: it builds the table again from halves of the
// batch, and halves of those, until each bad record stands alone, about 2 log2(n) inserts for one bad row in n.
//
// A flood of bad rows costs two inserts a row, so the work is done in slices: between two of them the batch's lock is
// free, and a rebalance that waits for it does not throw this worker out of the group.
type singling struct {
	began   time.Time
	cause   error           // what ClickHouse said of the table as a whole
	parts   [][]*kgo.Record // not tried yet, as a stack
	refused []refusedRecord
	stored  int
	second  bool // the refused have had their last try
}

// singlingSlice bounds one slice: well below the minute that a group waits for a rebalance.
const singlingSlice = 5 * time.Second

// errSingling says that a slice is over and the work is not.
var errSingling = errors.New("still singling out the rows that ClickHouse refuses")

// singleOut goes on where the last slice ended, and returns the refused when nothing is left to try.
func (in *inserter) singleOut(ctx context.Context, s *singling, b *batch, t table) ([]refusedRecord, error) {
	if s.began.IsZero() {
		s.began, s.parts = time.Now(), [][]*kgo.Record{b.recordsOf(t)}
		s.halve()
	}
	for until := time.Now().Add(singlingSlice); ; {
		for len(s.parts) > 0 {
			if time.Now().After(until) {
				return nil, fmt.Errorf("%w: %d written, %d refused so far; the first: %w", errSingling, s.stored, len(s.refused), s.cause)
			}
			if err := in.tryPart(ctx, s, b, t.tableName()); err != nil {
				return nil, err
			}
		}
		if s.stored == 0 || s.second || len(s.refused) == 0 {
			break
		}
		// The table takes rows: whoever mended it meanwhile has made some of the refused good. One last try for each.
		for _, letter := range s.refused {
			s.parts = append(s.parts, []*kgo.Record{letter.Record})
		}
		s.refused, s.second = nil, true
	}
	if s.stored == 0 && !b.tookOther(t) && len(s.refused) > 1 && time.Since(s.began) < in.patience {
		// Not one row of many was taken: rather the table is wrong than the rows, and somebody may be mending it.
		return nil, fmt.Errorf("every row was refused; compare the table with this release's (`leadstream migrate`), or the rows go to dead-letter in %s: %w",
			(in.patience - time.Since(s.began)).Round(time.Second), s.cause)
	}
	return s.refused, nil
}

// tryPart inserts the part on top of the stack, or puts its halves there.
func (in *inserter) tryPart(ctx context.Context, s *singling, b *batch, name string) error {
	part := newBatch()
	for _, rec := range s.parts[len(s.parts)-1] {
		part.add(rec, b.born)
	}
	part.seal()
	t := part.table(name)
	if t.rows() == 0 {
		s.parts = s.parts[:len(s.parts)-1]
		return nil
	}
	switch err := in.insert(ctx, t, part.token(t)); {
	case err == nil:
		s.stored += t.rows()
		s.parts = s.parts[:len(s.parts)-1]
	case !isBadData(err):
		return err // not the rows' fault: the same part is tried again
	case len(part.records) == 1:
		s.refused = append(s.refused, refusedRecord{part.records[0], &refusal{reasonRejected, err}})
		s.parts = s.parts[:len(s.parts)-1]
	default:
		s.halve()
	}
	return nil
}

// halve replaces the part on top by its halves; one record alone stays what it is.
func (s *singling) halve() {
	last := len(s.parts) - 1
	part := s.parts[last]
	if middle := len(part) / 2; middle > 0 {
		s.parts = append(s.parts[:last], part[middle:], part[:middle])
	}
}
