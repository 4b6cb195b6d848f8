package sink

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"leadstream/schemas"
)

func TestALargeBatchIsTwoBlocksOfItsOwnRecords(t *testing.T) {
	b := newBatch()
	fill := func(order ...int32) (first, later string) {
		b.reset()
		b.half = half{rows: 3, bytes: 1 << 20}
		next := map[int32]int64{}
		for _, part := range order {
			b.add(record(t, schemas.TopicEvents, part, next[part], pageView(int(next[part]))), time.Time{})
			next[part]++
		}
		require.Equal(t, len(order), b.events.rows()+b.later.rows())
		return b.token(b.events), b.token(b.later)
	}
	first, later := fill(0, 1, 0, 1, 0)
	require.Equal(t, []int{3, 2}, []int{b.events.rows(), b.later.rows()})
	require.NotEqual(t, first, later)
	sameFirst, sameLater := fill(1, 0, 0, 0, 1)
	require.Equal(t, []string{first, later}, []string{sameFirst, sameLater}, "the same halves, in another order")
	otherFirst, otherLater := fill(0, 0, 0, 1, 1)
	require.NotContains(t, []string{first, later}, otherFirst, "the batch is the same, its first half is not: taken for the same, rows would be lost")
	require.NotContains(t, []string{first, later}, otherLater)
}

func TestASmallBatchIsOneBlock(t *testing.T) {
	b := newBatch()
	b.half = half{rows: 3, bytes: 1 << 20}
	for n := range 3 {
		b.add(record(t, schemas.TopicEvents, 0, int64(n), pageView(n)), time.Time{})
	}
	require.Equal(t, []int{3, 0}, []int{b.events.rows(), b.later.rows()})
	require.Len(t, b.recordsOf(b.events), 3)
}

func TestLargeRecordsAreCutByTheirBytes(t *testing.T) {
	b := newBatch()
	b.half = half{rows: 1000, bytes: 100}
	records := []*kgo.Record{}
	for n := range 4 {
		records = append(records, record(t, schemas.TopicEvents, 0, int64(n), pageView(n)))
		b.add(records[n], time.Time{})
	}
	require.Equal(t, []int{1, 3}, []int{b.events.rows(), b.later.rows()}, "a page view is more than 100 bytes")
	require.Equal(t, records[1:], b.recordsOf(b.later))
}
