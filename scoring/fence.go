package scoring

import (
	"encoding/binary"

	"leadstream/schemas"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fenceHeader is the record header that every record of leads carries.
const fenceHeader = "fence"

// fence is the last offset of each source topic that is part of a partition's
// state; -1 is none.
//
// All records of one transaction and partition carry the same fence: the last
// offsets that the transaction read, not the offset that changed the one lead.
// With one record a lead and commit, the largest single cause would lie below
// events of the same transaction that changed nothing, or whose lead's record
// was compacted away. A transaction that changed no lead writes no fence. That
// is safe: reading its events again finds the same state, changes nothing
// again, and repeats ledger rows (all refusals) that readers know as repeats.
//
// On a real Kafka state and offsets move together and the fence only checks
// that. The embedded broker can tear a commit when it is killed: outputs
// without offsets (the fence skips what is in the state) or, with the page
// cache lost, offsets without outputs (the session starts from the fence). Leads
// without their rows are found by what torn.go adds.
//
// A power cut may also take the end of events itself, below the fence, and the log
// may have grown past the fence again before a session looks. That skips nothing
// new: the collectors' spool is the only writer, and gives a partition's records
// back in their old order, beginning no later than the cut. So what then stands at
// or below the fence is a part of what was folded. (It would not hold if the lost
// end had repeats in it that do not come again, such as an earlier replay; so the
// embedded broker syncs what it finds before anything is replayed to it.)
type fence struct{ events, routed int64 }

var noFence = fence{-1, -1}

// of is the topic's offset, to be read or moved.
func (f *fence) of(topic string) *int64 {
	if topic == schemas.TopicRouted {
		return &f.routed
	}
	return &f.events
}

// raise keeps the larger offset of each topic.
func (f *fence) raise(other fence) {
	f.events = max(f.events, other.events)
	f.routed = max(f.routed, other.routed)
}

// header writes the fence: two big-endian offsets.
func (f fence) header() kgo.RecordHeader {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, uint64(f.events))
	binary.BigEndian.PutUint64(b[8:], uint64(f.routed))
	return kgo.RecordHeader{Key: fenceHeader, Value: b}
}

// readFence finds a record's fence; a record without one raises nothing.
func readFence(headers []kgo.RecordHeader) fence {
	for _, h := range headers {
		if h.Key == fenceHeader && len(h.Value) == 16 {
			return fence{
				events: int64(binary.BigEndian.Uint64(h.Value)),
				routed: int64(binary.BigEndian.Uint64(h.Value[8:])),
			}
		}
	}
	return noFence
}
