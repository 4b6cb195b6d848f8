package scoring

import (
	"leadstream/schemas"
	"leadstream/schemas/pb"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protowire"
)

// Several tracks are several workers in one process: each with a group, a transactional
// id, a state and snapshots of its own, over the same topics. So one that is slow, or
// whose model fails, is nothing to the others, and what is shown of one worker holds for
// each. The first track's names and records are those of an installation that has only
// one. A further track says its name wherever both would be taken for one another:
//
//	group, transactional id, snapshots   NAME-TRACK
//	key of leads                         LEAD/TRACK, so that compaction keeps both
//	records of all outputs               a header, so that a restore passes over them unread
//	routed                               a field: a hand-over is for the ids' homes in its own track

// trackHeader is the record header that outputs of a further track carry.
const trackHeader = "track"

// GroupOf is the consumer group of a track; the first track's is the configured one.
func GroupOf(group, track string) string {
	if track == "" {
		return group
	}
	return group + "-" + track
}

// of makes the configuration of one track out of that of all.
func (c Config) of(track string) Config {
	c.Group, c.TransactionalID = GroupOf(c.Group, track), GroupOf(c.TransactionalID, track)
	return c
}

// mark is what a further track's outputs carry; nothing for the first.
func (w *Worker) mark(headers []kgo.RecordHeader) []kgo.RecordHeader {
	if w.track == "" {
		return headers
	}
	return append(headers[:len(headers):len(headers)], kgo.RecordHeader{Key: trackHeader, Value: []byte(w.track)})
}

// wrote tells whether a record of an output is of this track.
func (w *Worker) wrote(r *kgo.Record) bool {
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Key == trackHeader {
			return string(h.Value) == w.track
		}
	}
	return w.track == ""
}

// concerns tells whether a record of routed is for this track: what its own homes say
// to each other, and commands, which are for all. Nothing is unpacked.
func (w *Worker) concerns(r *kgo.Record) bool {
	track, command := saidTo(r.Value)
	return string(track) == w.track || len(track) == 0 && command
}

// Numbers of the fields of Routed that saidTo looks at; a test holds them.
const (
	routedErase   = 10
	routedVerdict = 12
	routedTrack   = 13
)

// saidTo reads the track off a record of routed, and whether it is a command.
func saidTo(b []byte) (track []byte, command bool) {
	for len(b) > 0 {
		num, kind, head := protowire.ConsumeTag(b)
		if head < 0 {
			return track, command
		}
		size := protowire.ConsumeFieldValue(num, kind, b[head:])
		if size < 0 {
			return track, command
		}
		switch num {
		case routedErase, routedVerdict:
			command = true
		case routedTrack:
			track, _ = protowire.ConsumeBytes(b[head:])
		}
		b = b[head+size:]
	}
	return track, command
}

// address names the track in what one home says to another.
func (w *Worker) address(r *pb.Routed) *pb.Routed {
	r.Track = w.track
	return r
}

// recordKey is the key of a lead's record in leads.
func (s *session) recordKey(p *partition, id []byte) []byte {
	if s.track == "" {
		return p.work.leadKey(id)
	}
	return []byte(schemas.RecordKey(schemas.LeadID(id), s.track))
}
