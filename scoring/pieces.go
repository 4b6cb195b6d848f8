package scoring

import (
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pieces cuts small things off larger pieces of memory: a transaction makes tens of
// thousands of them, and they all go when it ends. What they were cut off is used
// again, as the collector would else run for little more than them.
type pieces struct {
	space   roll[byte]
	records roll[kgo.Record]
	sources roll[pb.Source]
}

const (
	spaceAtOnce = 64 << 10
	manyAtOnce  = 64
	// rollsKept bounds what a burst leaves behind: 2 MB of bytes a partition, and
	// 2,048 records and sources, half a MB.
	rollsKept = 32
)

// again takes everything back that was cut off. Nobody may look at it any more: the
// client is through with a record when its transaction stands.
func (p *pieces) again() {
	p.space.again()
	p.records.again()
	p.sources.again()
}

// bytes is room for n bytes; what they were is to be written over.
func (p *pieces) bytes(n int) []byte {
	if n > spaceAtOnce/4 {
		return make([]byte, n)
	}
	return p.space.cut(n, spaceAtOnce)
}

func (p *pieces) record() *kgo.Record {
	r := &p.records.cut(1, manyAtOnce)[0]
	*r = kgo.Record{}
	return r
}

// source says which record it was.
func (p *pieces) source(r *kgo.Record) *pb.Source {
	s := &p.sources.cut(1, manyAtOnce)[0]
	s.Topic, s.Partition, s.Offset = r.Topic, r.Partition, r.Offset
	return s
}

// roll is memory that is cut from its beginning, one piece after the other.
type roll[T any] struct {
	all  [][]T
	next int // of all
	left []T
}

func (r *roll[T]) cut(n, atOnce int) []T {
	if n > len(r.left) {
		if r.next == len(r.all) {
			r.all = append(r.all, make([]T, atOnce))
		}
		r.left = r.all[r.next]
		r.next++
	}
	piece := r.left[:n:n]
	r.left = r.left[n:]
	return piece
}

func (r *roll[T]) again() {
	if len(r.all) > rollsKept {
		clear(r.all[rollsKept:])
		r.all = r.all[:rollsKept]
	}
	r.next, r.left = 0, nil
}
