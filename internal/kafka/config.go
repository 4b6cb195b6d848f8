package kafka

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"leadstream/internal/config"
)

// Config is the kafka section: where the brokers are, how to be let in, and how topics are laid out.
type Config struct {
	Brokers     []string `yaml:"brokers"`     // host:port; any one that answers is enough to find the others
	ClientID    string   `yaml:"client_id"`   // the name in the brokers' logs and quotas
	TLS         bool     `yaml:"tls"`         // encrypt
	CAFile      string   `yaml:"ca_file"`     // PEM of the authority to trust; empty = the system's
	SASL        SASL     `yaml:"sasl"`        // log in
	Partitions  int32    `yaml:"partitions"`  // of every topic; fixed once the topics exist, because state is kept by partition
	Replication int16    `yaml:"replication"` // 0 = 3, or as many as there are brokers
}

// SASL is a login by name and password.
type SASL struct {
	Mechanism string        `yaml:"mechanism"` // empty = none; PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	User      string        `yaml:"user"`
	Password  config.Secret `yaml:"password"`
}

// DefaultConfig names no brokers: whoever needs them says so, or brings its own.
func DefaultConfig() Config {
	return Config{ClientID: "leadstream", Partitions: 12}
}

var mechanisms = []string{"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}

// Validate lists what is wrong. An empty list of brokers is right here; Opts refuses it.
func (c *Config) Validate() error {
	var p config.Problems
	for i, broker := range c.Brokers {
		host, port, err := net.SplitHostPort(broker)
		_, number := strconv.ParseUint(port, 10, 16)
		p.Check(err == nil && number == nil && host != "", "brokers["+strconv.Itoa(i)+"]", "must be host:port such as 127.0.0.1:9092 (got %q)", broker)
	}
	p.Check(c.ClientID != "", "client_id", "must not be empty")
	p.Check(c.CAFile == "" || c.TLS, "ca_file", "is of no use without tls: true")
	p.Check(c.Partitions >= 1 && c.Partitions <= 10_000, "partitions", "must be 1..10000 (got %d)", c.Partitions)
	p.Check(c.Replication >= 0 && c.Replication <= 15, "replication", "must be 1..15, or 0 for 3 or as many as there are brokers (got %d)", c.Replication)
	return p.Err()
}

// Validate lists what is wrong.
func (s *SASL) Validate() error {
	var p config.Problems
	p.Check(slices.Contains(mechanisms, s.Mechanism), "mechanism", "must be %s, or empty for none (got %q)", strings.Join(mechanisms[1:], ", "), s.Mechanism)
	if s.Mechanism != "" {
		p.Check(s.User != "", "user", "must not be empty with a mechanism")
		p.Check(s.Password != "", "password", "must not be empty with a mechanism")
	} else {
		p.Check(s.User == "" && s.Password == "", "mechanism", "must say how to log in when there is a user or a password: %s", strings.Join(mechanisms[1:], ", "))
	}
	return p.Err()
}
