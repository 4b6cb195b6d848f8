package scoring

import (
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pieces cuts small things off larger pieces of memory: a transaction makes tens of
// thousands of them, and they all go when it ends.
type pieces struct {
	space   []byte
	records []kgo.Record
	sources []pb.Source
}

const (
	spaceAtOnce = 64 << 10
	manyAtOnce  = 64
)

// bytes is room for n bytes.
func (p *pieces) bytes(n int) []byte {
	if n > len(p.space) {
		if n > spaceAtOnce/4 {
			return make([]byte, n)
		}
		p.space = make([]byte, spaceAtOnce)
	}
	b := p.space[:n:n]
	p.space = p.space[n:]
	return b
}

func (p *pieces) record() *kgo.Record {
	if len(p.records) == 0 {
		p.records = make([]kgo.Record, manyAtOnce)
	}
	r := &p.records[0]
	p.records = p.records[1:]
	return r
}

// source says which record it was.
func (p *pieces) source(r *kgo.Record) *pb.Source {
	if len(p.sources) == 0 {
		p.sources = make([]pb.Source, manyAtOnce)
	}
	s := &p.sources[0]
	p.sources = p.sources[1:]
	s.Topic, s.Partition, s.Offset = r.Topic, r.Partition, r.Offset
	return s
}
