package ingest

import (
	"time"

	"leadstream/ingest/protocol"
)

const (
	// tolerated is how far a sender's clock may be off before we correct it. Below this the event keeps the exact time it
	// was sent with, so that a retry is the same event to the millisecond.
	tolerated = int64(time.Minute / time.Millisecond)
	// ahead is how far in the future an event may lie: what a corrected clock can still be off by.
	ahead = int64(5 * time.Minute / time.Millisecond)
	// earliest is the first time that is believed; before it lie unset clocks (1970) and mistaken units.
	earliest = int64(946_684_800_000) // 2000-01-01
)

// setTimes decides event_time from the sender's clock, and received_at.
func setTimes(f *facts, it *protocol.Item) *protocol.Fault {
	e := it.Event
	e.ReceivedAt = receivedAt(f, it)
	e.EventTime = e.ReceivedAt
	if it.At.State == protocol.Missing {
		return nil
	}
	at := it.At.Ms
	sent := it.SentAt
	if sent.State != protocol.Known {
		sent = f.sentAt
	}
	if it.At.State == protocol.Known && sent.State == protocol.Known && sent.Ms >= earliest {
		if skew := f.receivedAt - sent.Ms; skew > tolerated || skew < -tolerated {
			// Whole minutes: a retry measures the same skew but for some milliseconds, and must not become another time.
			at += (skew + tolerated*sign(skew)/2) / tolerated * tolerated
			f.note(clockCorrected)
		}
	}
	switch {
	case it.At.State == protocol.Unreadable || at < earliest:
		f.note(timeReplaced)
	case at > e.ReceivedAt+ahead:
		e.EventTime = e.ReceivedAt + ahead
		f.note(futureClamped)
	default:
		e.EventTime = at
	}
	return nil
}

// receivedAt is now, unless a site that imports its history says when it was.
func receivedAt(f *facts, it *protocol.Item) int64 {
	claimed := it.ReceivedAt
	if claimed.State == protocol.Missing {
		return f.receivedAt
	}
	if !f.trusted || !f.site.history || claimed.State != protocol.Known || claimed.Ms < earliest || claimed.Ms > f.receivedAt {
		f.note(claimIgnored)
		return f.receivedAt
	}
	return claimed.Ms
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}
