package spool

import (
	"time"

	"leadstream/internal/config"
)

// Config is where the spool is, how much it may hold, and for how long.
type Config struct {
	Dir          string        `yaml:"dir"`           // a folder of its own, on a disk that keeps
	Always       bool          `yaml:"always"`        // every record goes through the spool, not only while the broker is away
	MaxBytes     config.Size   `yaml:"max_bytes"`     // all segments together; beyond it Append says ErrFull
	MaxAge       time.Duration `yaml:"max_age"`       // when the oldest waiting record is older, Append says ErrFull: nothing that was taken is ever dropped instead
	SegmentBytes config.Size   `yaml:"segment_bytes"` // a file is removed as a whole: smaller ones give room back sooner
	SegmentAge   time.Duration `yaml:"segment_age"`   // a drained file is gone after this, however little is in it
	KeepFor      time.Duration `yaml:"keep_for"`      // drained records stay this long, to be drained again after an unclean stop; 0 = not at all
	KeepBad      time.Duration `yaml:"keep_bad"`      // files set aside as *.bad are removed after this: they hold people's events too
}

// DefaultConfig suits a real broker. The embedded one needs KeepFor: see KeepForEmbedded.
func DefaultConfig() Config {
	return Config{
		MaxBytes:     4 << 30, // four hours of 1,000 events a second
		MaxAge:       7 * 24 * time.Hour,
		SegmentBytes: 64 << 20, // read into memory as a whole after a crash
		SegmentAge:   10 * time.Minute,
		KeepBad:      30 * 24 * time.Hour,
	}
}

// KeepForEmbedded is the KeepFor that covers a broker without fsync: Linux writes dirty pages back after 30 s, looks every 5 s,
// and a slow disk needs its time.
const KeepForEmbedded = 2 * time.Minute

// Validate reports every fault.
func (c Config) Validate() error {
	var p config.Problems
	p.Check(c.SegmentBytes >= 64<<10 && c.SegmentBytes <= 1<<30, "segment_bytes", "must be 64KiB..1GiB (got %v)", c.SegmentBytes)
	p.Check(c.MaxBytes >= 2*c.SegmentBytes, "max_bytes", "must be at least twice segment_bytes (got %v)", c.MaxBytes)
	p.Check(c.MaxAge >= time.Minute, "max_age", "must be at least 1m (got %v)", c.MaxAge)
	p.Check(c.SegmentAge >= time.Second, "segment_age", "must be at least 1s (got %v)", c.SegmentAge)
	p.Check(c.KeepFor >= 0 && c.KeepFor <= time.Hour, "keep_for", "must be 0s..1h (got %v)", c.KeepFor)
	p.Check(c.KeepBad >= time.Hour, "keep_bad", "must be at least 1h (got %v)", c.KeepBad)
	return p.Err()
}
