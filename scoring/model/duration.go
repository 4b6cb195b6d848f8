package model

import (
	"fmt"
	"strconv"
	"strings"
)

// durationUnits, largest first: the order in which a duration is written.
var durationUnits = []struct {
	suffix string
	ms     int64
}{
	{"w", 7 * msDay}, {"d", msDay}, {"h", msHour}, {"m", msMinute}, {"s", msSecond}, {"ms", 1},
}

// maxDuration is ten years: longer is a slip of the keyboard.
const maxDuration = maxDays * msDay

// parseDuration reads "15s", "7d", "1d12h" into milliseconds.
func parseDuration(text string) (int64, error) {
	rest, total := text, int64(0)
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 32)
		if err != nil {
			return 0, durationError(text)
		}
		rest = rest[digits:]
		unit := rest
		if i := strings.IndexAny(rest, "0123456789"); i >= 0 {
			unit = rest[:i]
		}
		ms := int64(0)
		for _, u := range durationUnits {
			if u.suffix == unit {
				ms = u.ms
			}
		}
		if ms == 0 || n > maxDuration/ms {
			return 0, durationError(text)
		}
		rest, total = rest[len(unit):], total+n*ms
	}
	if text == "" || total > maxDuration {
		return 0, durationError(text)
	}
	return total, nil
}

func durationError(text string) error {
	return fmt.Errorf("%.40q is no duration: write 15s, 5m, 12h, 7d, 2w or 1d12h, ten years at most", text)
}

// formatDuration writes milliseconds the way parseDuration reads them.
func formatDuration(ms int64) string {
	if ms <= 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range durationUnits[1:] {
		if n := ms / u.ms; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.suffix)
			ms -= n * u.ms
		}
	}
	return b.String()
}
