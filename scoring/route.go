package scoring

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"leadstream/schemas"
	"leadstream/schemas/pb"
	"leadstream/scoring/identity"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What ids say to each other (scoring/identity) goes over routed, in the same
// transaction as the state that says it was sent. A record goes to the partition of
// its key, which is the home of the id: the partitioner is the collectors'.

// homes finds the partition of a key as the collectors' client does.
type homes struct {
	hash  kgo.TopicPartitioner
	count int
}

func newHomes(partitions int) homes {
	return homes{kgo.StickyKeyPartitioner(nil).ForTopic(schemas.TopicRouted), partitions}
}

func (h homes) of(key string) int32 {
	return int32(h.hash.Partition(&kgo.Record{Key: []byte(key)}, h.count))
}

// route sends what a partition's last record has to say to other homes.
func (s *session) route(p *partition) {
	for _, send := range p.sends {
		to := s.homes.of(send.Key)
		s.produceTo(p, schemas.TopicRouted, to, []byte(send.Key), s.address(send.Routed))
		p.work.sent[to]++
		p.work.tally.routed[kindOf(send.Routed)]++
	}
	clear(p.sends)
	p.sends = p.sends[:0]
}

// kindOf is the counter's label of a record of routed.
func kindOf(r *pb.Routed) string {
	switch r.What.(type) {
	case *pb.Routed_Event:
		return "event"
	case *pb.Routed_Give:
		return "give"
	case *pb.Routed_Back:
		return "back"
	case *pb.Routed_Recall:
		return "recall"
	case *pb.Routed_Claim:
		return "claim"
	case *pb.Routed_Verdict:
		return "verdict"
	}
	return "erase"
}

// decodeRouted reads a record of routed. Its texts are parts of the record.
func decodeRouted(r *kgo.Record) (schemas.LeadID, *pb.Routed, *refusal) {
	routed := new(pb.Routed)
	if err := routed.UnmarshalVTUnsafe(r.Value); err != nil {
		return schemas.LeadID{}, nil, refuse(reasonUndecodable, "not a routed record: %v", err)
	}
	id := schemas.NewLeadID(string(r.Key))
	switch {
	case len(routed.LeadId) != len(id):
		return id, nil, refuse(reasonIncomplete, "lead_id has %d bytes, want 16", len(routed.LeadId))
	case schemas.LeadID(routed.LeadId) != id && routed.GetErase() == nil:
		return id, nil, refuse(reasonMisrouted, "record key %.80q is lead %s, but the record says %s", r.Key, id, schemas.LeadID(routed.LeadId))
	case routed.What == nil:
		return id, nil, refuse(reasonUnsupported, "it says nothing that this release knows")
	}
	if routed.GetErase() != nil {
		id = schemas.LeadID(routed.LeadId) // who erases knows no keys, only partitions
	}
	if ev := routed.GetEvent(); ev != nil {
		if err := validTexts(ev); err != nil {
			return id, nil, refuse(reasonUndecodable, "not an event: %v", err)
		}
		if no := incomplete(ev); no != nil {
			return id, nil, no
		}
	}
	return id, routed, nil
}

// unroutable is the refusal of what identity could not take.
func unroutable(err error) *refusal {
	if errors.Is(err, identity.ErrLoop) {
		return refuse(reasonLost, "%v", err)
	}
	return refuse(reasonUndecodable, "%v", err)
}

// raiseRouted notes ends that are further than those known.
func (s *session) raiseRouted(ends map[int32]int64) {
	if s.routedEnds == nil {
		s.routedEnds = map[int32]int64{}
	}
	for num, end := range ends {
		s.routedEnds[num] = max(s.routedEnds[num], end)
	}
}

// lane is the way from one partition to another over routed.
type lane struct{ from, to int32 }

// sentRows is how many records one transaction of a partition sent to others, and
// from which offsets on: what torn.go looks for. As text, so that it can be compared.
type sentRows string

// sentBy is what a partition has sent in this transaction.
func (t *txn) sentBy(p *partition) sentRows {
	var b []byte
	for _, to := range slices.Sorted(maps.Keys(p.work.sent)) {
		b = binary.AppendUvarint(b, uint64(to))
		b = binary.AppendUvarint(b, uint64(t.routedFrom[to]))
		b = binary.AppendUvarint(b, uint64(p.work.sent[to]))
	}
	return sentRows(b)
}

// each reads the lanes.
func (s sentRows) each(yield func(to int32, from, count int64)) {
	b := []byte(s)
	for len(b) > 0 {
		var v [3]uint64
		for i := range v {
			n := 0
			if v[i], n = binary.Uvarint(b); n <= 0 {
				return
			}
			b = b[n:]
		}
		yield(int32(v[0]), int64(v[1]), int64(v[2]))
	}
}
