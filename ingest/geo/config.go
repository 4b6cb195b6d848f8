package geo

import (
	"time"

	"leadstream/internal/config"
)

// Config is the ingest.geoip section.
type Config struct {
	File     string        `yaml:"file"`          // mmdb of cities or countries: GeoLite2-City, GeoIP2-City, DB-IP, ip-location-db
	ASNFile  string        `yaml:"asn_file"`      // mmdb of networks and their owners: GeoLite2-ASN and the like
	Networks string        `yaml:"networks_file"` // text: NETWORK KIND OWNER, a line each
	Check    time.Duration `yaml:"check"`         // how often the files are looked at for a change
}

// DefaultConfig names no file.
func DefaultConfig() Config { return Config{Check: 30 * time.Second} }

// Validate looks at the values; New reads the files.
func (c Config) Validate() error {
	var p config.Problems
	p.Check(c.Check >= time.Second && c.Check <= 24*time.Hour, "check", "must be 1s..24h (got %v)", c.Check)
	return p.Err()
}
