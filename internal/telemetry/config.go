package telemetry

import (
	"net"

	"leadstream/internal/config"

	"go.uber.org/zap/zapcore"
)

// Config is the telemetry section.
type Config struct {
	Listen string    `yaml:"listen"` // host:port of metrics and health
	Log    LogConfig `yaml:"log"`
}

// LogConfig says how much is logged, and for whom.
type LogConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // console for people, json for machines
}

// DefaultConfig listens on loopback and logs for people.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:9464", Log: LogConfig{Level: "info", Format: "console"}}
}

// Validate lists what is wrong.
func (c *Config) Validate() error {
	var p config.Problems
	_, _, err := net.SplitHostPort(c.Listen)
	p.Check(err == nil, "listen", "must be host:port such as 127.0.0.1:9464 (got %q)", c.Listen)
	return p.Err()
}

// Validate lists what is wrong.
func (c *LogConfig) Validate() error {
	var p config.Problems
	level, err := zapcore.ParseLevel(c.Level)
	p.Check(err == nil && level <= zapcore.ErrorLevel && c.Level != "", "level", "must be debug, info, warn or error (got %q)", c.Level)
	p.Check(c.Format == "console" || c.Format == "json", "format", "must be console or json (got %q)", c.Format)
	return p.Err()
}
