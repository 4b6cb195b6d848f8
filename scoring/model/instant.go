package model

import (
	"leadstream/schemas/pb"
)

// Times are Unix milliseconds, days are UTC days since 1970-01-01.
const (
	msSecond = int64(1000)
	msMinute = 60 * msSecond
	msHour   = 60 * msMinute
	msDay    = 24 * msHour

	// lateness is how long after it happened an event may arrive and still count.
	lateness = 7 * msDay
	// slack is how much longer a day stays open: received_at is stamped by many
	// collectors, and one that drained its spool after an outage delivers events
	// with an old received_at long after its neighbours have moved on.
	slack = 24 * msHour
	// ahead is how far a sender's clock may run before it is cut back.
	ahead = 5 * msMinute

	// earliest keeps day 0 free, which stands for "none" in the stored state.
	earliest = msDay
	// latest is the end of the year 9999, the last that every store can write.
	latest = int64(253402300799999)
)

// dayOf is the UTC day of an instant that is not negative.
func dayOf(ms int64) int32 { return int32(ms / msDay) }

// endOf is the first instant after a day.
func endOf(day int32) int64 { return (int64(day) + 1) * msDay }

// happened is the event's time as scoring uses it: not before 1970, and not
// more than five minutes after the event was received.
func happened(ev *pb.Event) int64 {
	return max(0, min(ev.GetEventTime(), ev.GetReceivedAt()+ahead))
}

// stamp orders events: by time, then by hash, so that "the newest" is the same
// event whatever order they came in.
type stamp struct {
	at   int64
	hash uint64
}

func (s stamp) after(o stamp) bool {
	return s.at > o.at || s.at == o.at && s.hash > o.hash
}

// Stamp is what orders events, whatever order they came in: their time and the hash
// of their id. One that came too late to be believed stands at its arrival.
func Stamp(ev *pb.Event) (at int64, hash uint64) {
	at = happened(ev)
	if at < ev.GetReceivedAt()-lateness {
		at = ev.GetReceivedAt()
	}
	return at, hash64(ev.GetEventId())
}

// hash64 names a unit (an event id, a view id) in 8 bytes: FNV-1a, then the
// finalizer of MurmurHash3, because the sets keep the smallest hashes and plain
// FNV-1a of ids that differ in their last characters differs in its low bits
// only. It is written into topics and tables: never change it. Ids that collide
// on purpose take points from their own lead only.
func hash64(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
