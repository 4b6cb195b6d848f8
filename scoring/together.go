package scoring

import (
	"runtime"
	"sync"
	"sync/atomic"

	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kgo"
)

// work is what a partition's part of the transaction is done with, and what it adds
// up to. Partitions are folded at the same time, so they share none of it.
type work struct {
	event  pb.Event // the one that is being folded
	pieces pieces
	keyOf  schemas.LeadID
	key    []byte // of keyOf, nil before the first
	tally  tally
	sent   map[int32]int64 // records over routed, by partition
}

// begin forgets the transaction before.
func (w *work) begin() {
	w.tally, w.sent = newTally(), map[int32]int64{}
}

// again takes back what the transaction was written with.
func (w *work) again() {
	w.pieces.again()
	w.key = nil
}

// leadKey is the record key of all outputs of a lead. Rows of one lead come one
// after the other and share it.
func (w *work) leadKey(id []byte) []byte {
	if lead := schemas.LeadID(id); w.keyOf != lead || w.key == nil {
		b := w.pieces.bytes(36) // of text
		lead.AppendTo(b[:0])
		w.keyOf, w.key = lead, b
	}
	return w.key
}

// share is what a poll has for one partition: records of events, of routed, or both.
type share struct {
	p       *partition
	fetched []kgo.FetchTopicPartition
}

// together does something for each partition, for as many at a time as there are
// processors. What it does may use the partition, and of the session what does not
// change meanwhile.
func together[T any](parts []T, do func(T)) {
	hands := min(len(parts), runtime.GOMAXPROCS(0))
	if hands < 2 {
		for _, p := range parts {
			do(p)
		}
		return
	}
	var next atomic.Int64
	take := func() {
		for i := next.Add(1) - 1; i < int64(len(parts)); i = next.Add(1) - 1 {
			do(parts[i])
		}
	}
	var others sync.WaitGroup
	for range hands - 1 {
		others.Go(take)
	}
	take()
	others.Wait()
}
