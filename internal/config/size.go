package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as 64MiB, 1.5GB or 4096.
type Size int64

// The largest unit first, so that String finds the shortest exact form; powers of 1024 before powers of 1000, because memory
// and files are cut that way.
var units = []struct {
	name  string
	bytes float64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3},
	{"B", 1},
}

var errSize = errors.New("must be a number of bytes such as 64MiB, 512KiB, 1GB or 4096")

// UnmarshalText reads a size; a bare number is bytes.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := strings.TrimSpace(string(text)), 1.0
	for _, u := range units {
		if rest, found := strings.CutSuffix(number, u.name); found {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	if number == "" || strings.Trim(number, "0123456789.") != "" {
		return errSize
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && unit == 1 { // a float would lose the last bytes above 8 PiB
		*s = Size(n)
		return nil
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n*unit >= math.MaxInt64 || n*unit != math.Trunc(n*unit) {
		return errSize
	}
	*s = Size(n * unit)
	return nil
}

// String writes the largest unit that divides the size, and reads back as the same size.
func (s Size) String() string {
	for _, u := range units {
		if n := int64(s); n != 0 && n%int64(u.bytes) == 0 {
			return strconv.FormatInt(n/int64(u.bytes), 10) + u.name
		}
	}
	return "0B"
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
