package clickhouse

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"leadstream/internal/config"
)

// Config says which ClickHouse is used and how patient the client is.
type Config struct {
	// Addr is host:port of the native protocol, several separated by commas, or a DSN such as
	// clickhouse://user:password@host:9440/database?secure=true, whose parts win over the keys below.
	// Empty means the embedded server, where the role has one.
	Addr     string        `yaml:"addr"`
	Database string        `yaml:"database"`
	User     string        `yaml:"user"`
	Password config.Secret `yaml:"password"`

	DialTimeout  time.Duration `yaml:"dial_timeout"`
	ReadTimeout  time.Duration `yaml:"read_timeout"` // of one answer, not of a whole query
	MaxOpenConns int           `yaml:"max_open_conns"`
	// Cluster is a name of the server's <remote_servers>, of one shard: migrate makes the database on all of its
	// replicas. Empty: on the server at Addr alone. Reading and writing need not know it.
	Cluster  string    `yaml:"cluster"`
	Analysts []Analyst `yaml:"analysts"` // who may read, with their bounds; made by migrate

	Compression string `yaml:"compression"` // none, lz4 or zstd: none wins on loopback, lz4 across a network
}

// DefaultConfig names the database; the address is left to the embedded server or the operator.
func DefaultConfig() Config {
	return Config{
		Database:     "leadstream",
		User:         "default",
		DialTimeout:  5 * time.Second,
		ReadTimeout:  5 * time.Minute,
		MaxOpenConns: 10,
		Compression:  "lz4",
	}
}

// compressions maps the config's words to the client's.
var compressions = map[string]driver.CompressionMethod{
	"none": driver.CompressionNone,
	"lz4":  driver.CompressionLZ4,
	"zstd": driver.CompressionZSTD,
}

// Validate names every fault at once, by key.
func (c Config) Validate() error {
	var faults []error
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.Addr != "" {
		if err := c.validateAddr(); err != nil {
			faults = append(faults, err)
		}
	}
	if c.Database == "" {
		add("database: must name a database")
	} else if strings.ContainsAny(c.Database, "`\"'\\; \n") {
		add("database: must be a plain name (got %q)", c.Database)
	}
	if c.Cluster != "" && !clusterName.MatchString(c.Cluster) {
		add("cluster: must be a plain name of the server's <remote_servers> (got %q)", c.Cluster)
	}
	if c.Cluster != "" && c.Addr == "" {
		add("cluster: needs clickhouse.addr, a node of it: the embedded server is alone")
	}
	if c.User == "" {
		add("user: must name a user")
	}
	if c.DialTimeout <= 0 {
		add("dial_timeout: must be above zero (got %s)", c.DialTimeout)
	}
	if c.ReadTimeout <= 0 {
		add("read_timeout: must be above zero (got %s)", c.ReadTimeout)
	}
	if c.MaxOpenConns < 1 || c.MaxOpenConns > 1000 {
		add("max_open_conns: must be 1..1000 (got %d)", c.MaxOpenConns)
	}
	if _, ok := compressions[c.Compression]; !ok {
		add("compression: must be none, lz4 or zstd (got %q)", c.Compression)
	}
	faults = append(faults, validateAnalysts(c.Analysts, c.User))
	return errors.Join(faults...)
}

// validateAddr never repeats a DSN in its message: it may hold a password.
func (c Config) validateAddr() error {
	if !isDSN(c.Addr) {
		for addr := range strings.SplitSeq(c.Addr, ",") {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return fmt.Errorf("addr: must be host:port, several separated by commas, or a clickhouse:// DSN (got %q)", addr)
			}
		}
		return nil
	}
	options, err := driver.ParseDSN(c.Addr)
	if err != nil {
		return fmt.Errorf("addr: not a DSN such as clickhouse://user:password@host:9000/database: %w", err)
	}
	if options.Protocol != driver.Native {
		return errors.New("addr: must be the native protocol, clickhouse://host:9000/database, not HTTP")
	}
	for _, addr := range options.Addr {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("addr: each host of the DSN needs a port (got %q)", addr)
		}
	}
	return nil
}

func isDSN(addr string) bool { return strings.Contains(addr, "://") }

// Options are the same settings in the client's words.
func (c Config) Options() (*driver.Options, error) {
	if c.Addr == "" {
		return nil, errors.New("clickhouse.addr: is empty, and this role has no embedded ClickHouse: set it to host:port or a clickhouse:// DSN")
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	options := &driver.Options{Addr: strings.Split(c.Addr, ",")}
	if isDSN(c.Addr) {
		parsed, err := driver.ParseDSN(c.Addr)
		if err != nil {
			return nil, fmt.Errorf("clickhouse.addr: %w", err)
		}
		options = parsed
	}
	fill(&options.Auth.Database, c.Database)
	fill(&options.Auth.Username, c.User)
	fill(&options.Auth.Password, c.Password.Reveal())
	fill(&options.DialTimeout, c.DialTimeout)
	fill(&options.ReadTimeout, c.ReadTimeout)
	fill(&options.MaxOpenConns, c.MaxOpenConns)
	// Idle connections as many as open ones: reconnecting under load costs a handshake a query.
	fill(&options.MaxIdleConns, options.MaxOpenConns)
	if options.Compression == nil {
		options.Compression = &driver.Compression{Method: compressions[c.Compression]}
	}
	options.ClientInfo.Products = append(options.ClientInfo.Products, product)
	return options, nil
}

// product makes our queries findable in the server's query log.
var product = struct{ Name, Version string }{"leadstream", "1"}

// fill sets what the DSN left open.
func fill[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}
