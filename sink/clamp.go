package sink

import (
	"math"
	"time"
	"unicode/utf8"
)

// clamps brings values into what the columns can hold and counts what it
// changed. A value out of range is its sender's fault and no reason to lose the
// row, nor to stop the partition behind it.
type clamps struct {
	// Instants outside 1970-2299, or too late for a Date.
	times int
	// Integers that do not fit the column.
	numbers int
	// NaN, which is stored as 0, and infinities, as the largest finite number.
	floats int
	// Text longer than maxText or maxLabel bytes; its head is kept.
	texts int
}

const (
	// maxText bounds one text value: a title of megabytes is an attack, not a title.
	maxText = 256 << 10
	// maxLabel bounds a value of a LowCardinality column, which is kept in dictionaries.
	maxLabel = 4 << 10
)

// maxMillis is the last instant of DateTime64(3).
var maxMillis = time.Date(2299, 12, 31, 23, 59, 59, 999e6, time.UTC).UnixMilli()

func (c *clamps) millis(at int64) int64 {
	if at >= 0 && at <= maxMillis {
		return at
	}
	c.times++
	return min(max(at, 0), maxMillis)
}

func (c *clamps) number(n, most int64) int64 {
	if n >= 0 && n <= most {
		return n
	}
	c.numbers++
	return min(max(n, 0), most)
}

func (c *clamps) float(f float64) float64 {
	switch {
	case math.IsNaN(f):
		c.floats++
		return 0
	case math.IsInf(f, 0):
		c.floats++
		return math.Copysign(math.MaxFloat64, f)
	}
	return f
}

func (c *clamps) text(s string) string  { return c.cut(s, maxText) }
func (c *clamps) label(s string) string { return c.cut(s, maxLabel) }

// cut keeps whole characters.
func (c *clamps) cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	c.texts++
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
