package scoring

import "time"

const (
	// An event that came into its topic this long after it was received is of the past: an import's,
	// or out of the spool of a collector that was cut off.
	oldOnArrival = time.Hour
	// importPause is how long an import may pause between two requests without the wall clock coming
	// between them: `leadstream import` waits as long for a collector that is away.
	importPause = 5 * time.Minute
)

// importing is how far an import has come in a partition. Between two of its requests all that there
// is was read, and the wall clock is years ahead of what comes next: a fall that lies behind the
// next request's events must not be made before them, or the stages would depend on where the
// requests were cut. Kept in memory only: a worker that starts between two requests does not know.
type importing struct {
	at   int64 // received_at of its last event
	seen int64 // wall clock when that was folded, ms
}

// note looks at a record as it comes; arrived is when it was written. What routed has to say without
// an event has no time of its own: 0.
func (i *importing) note(receivedAt int64, arrived time.Time, now int64) {
	if receivedAt > 0 && arrived.UnixMilli()-receivedAt > oldOnArrival.Milliseconds() {
		i.at, i.seen = receivedAt, now
	}
}

// on tells whether more of it may come.
func (i *importing) on(now int64) bool {
	return i.seen > 0 && now-i.seen < importPause.Milliseconds()
}
