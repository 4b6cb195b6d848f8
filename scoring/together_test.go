package scoring

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"testing"

	"leadstream/schemas"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTogetherDoesEachOnce: whatever the processors, nothing is left out or done twice.
func TestTogetherDoesEachOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, n := range []int{0, 1, 2, 3, 1000} {
		done := make([]atomic.Int32, n)
		parts := make([]int, n)
		for i := range parts {
			parts[i] = i
		}
		together(parts, func(i int) { done[i].Add(1) })
		for i := range done {
			require.EqualValues(t, 1, done[i].Load(), "%d of %d", i, n)
		}
	}
}

// TestPiecesOverlapOnlyAcrossTransactions: within one, each piece is its own; the next
// one gets the same memory, records with nothing left in them, and not all of a burst's.
func TestPiecesOverlapOnlyAcrossTransactions(t *testing.T) {
	var p pieces
	var first *kgo.Record
	for range 3 {
		var cuts [][]byte
		records := map[*kgo.Record]bool{}
		for i := range 4000 {
			b := p.bytes(1 + i%3000)
			for j := range b {
				b[j] = byte(i)
			}
			cuts = append(cuts, b)
			r := p.record()
			if r.Value != nil || r.Topic != "" || records[r] {
				t.Fatalf("record %d was used before: %v", i, r)
			}
			records[r], r.Value, r.Topic = true, b, schemas.TopicLeads
			if at := p.source(&kgo.Record{Topic: schemas.TopicEvents, Offset: int64(i)}); at.Offset != int64(i) {
				t.Fatalf("source %d says %d", i, at.Offset)
			}
			if first == nil {
				first = r
			} else if i == 0 && r != first {
				t.Fatal("the memory was not used again")
			}
		}
		for i, b := range cuts {
			if !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, len(b))) {
				t.Fatalf("piece %d was written over", i)
			}
			if len(b) != cap(b) {
				t.Fatal("to append would be to write over the next piece")
			}
		}
		p.again()
		require.LessOrEqual(t, len(p.space.all), rollsKept)
		require.LessOrEqual(t, len(p.records.all), rollsKept)
	}
	require.Len(t, p.bytes(spaceAtOnce), spaceAtOnce, "a large one is a piece of its own")
}

// TestKeysAreTheLeads: rows of one lead share a key, and a transaction's end takes it back.
func TestKeysAreTheLeads(t *testing.T) {
	var w work
	for range 2 {
		w.begin()
		one, two := schemas.NewLeadID("demo/1"), schemas.NewLeadID("demo/2")
		a := w.leadKey(one[:])
		require.Equal(t, one.String(), string(a))
		require.Same(t, &a[0], &w.leadKey(one[:])[0])
		b := w.leadKey(two[:])
		require.Equal(t, two.String(), string(b))
		require.Equal(t, one.String(), string(a))
		w.again()
	}
}
