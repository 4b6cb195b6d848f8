package dedup

import (
	"time"

	"leadstream/internal/config"
)

// Config is how long and in how much memory ids are remembered, and where they survive a restart.
type Config struct {
	Window time.Duration `yaml:"window"` // an id is remembered at least so long; 0 = not at all
	Memory config.Size   `yaml:"memory"` // of the tables; when it is full the oldest generation goes early
	Dir    string        `yaml:"dir"`    // a folder of its own; "" = memory only, forgotten at a restart
}

// DefaultConfig remembers a day, of up to 19 million events.
func DefaultConfig() Config {
	return Config{Window: 24 * time.Hour, Memory: 512 << 20}
}

// Validate reports every fault.
func (c Config) Validate() error {
	var p config.Problems
	p.Check(c.Window == 0 || c.Window >= time.Minute && c.Window <= 31*24*time.Hour, "window", "must be 1m..744h, or 0s for none (got %v)", c.Window)
	p.Check(c.Memory >= 1<<20 && c.Memory <= 1<<40, "memory", "must be 1MiB..1TiB (got %v)", c.Memory)
	return p.Err()
}
