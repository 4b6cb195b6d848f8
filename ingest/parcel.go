package ingest

import (
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"leadstream/ingest/spool"
	"leadstream/schemas"
	"leadstream/schemas/pb"
)

// letters is what one request hands over.
type letters struct {
	events []*pb.Event
	dead   []*pb.DeadLetter
}

// parcel is letters as records, with the memory that they lie in. It is used again for a later request once nobody can be at its
// records: when the broker has acknowledged them all. What timed out is the client's, and then the garbage collector's.
type parcel struct {
	records []spool.Record
	bytes   []byte // of all keys and values of events
	sizes   []int
	sending *sending
}

var parcels = sync.Pool{New: func() any { return &parcel{sending: newSending()} }}

// Larger parcels are not kept for the next request.
const (
	mostKeptBytes   = 64 << 10
	mostKeptRecords = 64
)

// free is called when nobody can be at the records any more.
func (p *parcel) free() {
	if p.sending.late || cap(p.bytes) > mostKeptBytes || cap(p.records) > mostKeptRecords {
		return
	}
	clear(p.records)
	clear(p.sending.records)
	parcels.Put(p)
}

// pack makes the records: a visitor's events share a key, hence a partition, hence an order. The values of one request share one piece
// of memory.
func (p *parcel) pack(l letters) error {
	p.records, p.bytes, p.sizes = p.records[:0], p.bytes[:0], p.sizes[:0]
	all := 0
	for _, e := range l.events {
		size := e.SizeVT()
		p.sizes = append(p.sizes, size)
		all += size + len(e.Site) + 1 + max(len(e.AnonymousId), len(e.UserId))
	}
	if cap(p.bytes) < all {
		p.bytes = make([]byte, 0, all)
	}
	for i, e := range l.events {
		from := len(p.bytes)
		p.bytes = schemas.AppendEventKey(p.bytes, e.Site, e.AnonymousId, e.UserId)
		to := len(p.bytes)
		end := to + p.sizes[i]
		p.bytes = p.bytes[:end]
		if _, err := e.MarshalToSizedBufferVT(p.bytes[to:end]); err != nil {
			return fmt.Errorf("event %s: %w", e.EventId, err)
		}
		p.records = append(p.records, spool.Record{Topic: schemas.TopicEvents, Key: p.bytes[from:to:to], Value: p.bytes[to:end:end]})
	}
	for _, d := range l.dead {
		value, err := proto.Marshal(d)
		if err != nil {
			return fmt.Errorf("dead letter: %w", err)
		}
		p.records = append(p.records, spool.Record{Topic: schemas.TopicDeadLetter, Value: value})
	}
	return nil
}

// encode is pack for who keeps the records.
func encode(l letters) ([]spool.Record, error) {
	var p parcel
	err := p.pack(l)
	return p.records, err
}
