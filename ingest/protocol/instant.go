package protocol

import (
	"strconv"
	"strings"
	"time"
)

// Instant is a time that a sender gave, or failed to give.
type Instant struct {
	Ms    int64 // Unix milliseconds; only with Known
	State State
}

// State says what a sender gave for a time.
type State uint8

// A time is not there, there, or there and unreadable.
const (
	Missing State = iota
	Known
	Unreadable
)

// Formats that senders were seen to use beside RFC 3339: Python's isoformat of a time without a zone, and SQL's.
var formats = []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05Z0700"}

// parseInstant reads RFC 3339, Unix milliseconds, or Unix seconds. A time without a zone is UTC.
func parseInstant(text string) Instant {
	text = strings.TrimSpace(text)
	if text == "" {
		return Instant{}
	}
	if ms, ok := plainInstant(text); ok {
		return Instant{Ms: ms, State: Known}
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return Instant{Ms: t.UnixMilli(), State: Known}
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return fromNumber(n)
	}
	for _, format := range formats {
		if t, err := time.Parse(format, text); err == nil {
			return Instant{Ms: t.UnixMilli(), State: Known}
		}
	}
	return Instant{State: Unreadable}
}

// fromNumber takes a number below 1e11 for seconds: as milliseconds it would lie before 1973, and trackers do not.
func fromNumber(n float64) Instant {
	if n >= -1e11 && n <= 1e11 {
		n *= 1000
	}
	if !(n > -1e15 && n < 1e15) { // also NaN; 1e15 ms is the year 33658
		return Instant{State: Unreadable}
	}
	return Instant{Ms: int64(n), State: Known}
}

// plainInstant reads what JavaScript's toISOString writes, "2026-03-02T10:15:30.123Z": most times come so, and time.Parse costs as
// much as a tenth of decoding an event. FuzzInstant holds it to time.Parse.
func plainInstant(text string) (ms int64, ok bool) {
	const form = "0000-00-00T00:00:00.000Z"
	if len(text) != len(form) {
		return 0, false
	}
	for i := range len(form) {
		if form[i] == '0' && (text[i] < '0' || text[i] > '9') || form[i] != '0' && text[i] != form[i] {
			return 0, false
		}
	}
	n := func(from, to int) (n int) {
		for _, b := range []byte(text[from:to]) {
			n = 10*n + int(b-'0')
		}
		return n
	}
	month, day, hour, minute, second := n(5, 7), n(8, 10), n(11, 13), n(14, 16), n(17, 19)
	if month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 || minute > 59 || second > 59 {
		return 0, false // or a day that only some months have: time.Parse knows which
	}
	return time.Date(n(0, 4), time.Month(month), day, hour, minute, second, n(20, 23)*1e6, time.UTC).UnixMilli(), true
}
