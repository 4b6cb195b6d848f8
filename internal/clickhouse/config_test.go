package clickhouse

import (
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
)

func TestDefaultConfigIsValid(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
}

func TestValidateNamesEveryFaultAtOnce(t *testing.T) {
	err := Config{Addr: "nowhere", Compression: "brotli"}.Validate()
	require.EqualError(t, err, `addr: must be host:port, several separated by commas, or a clickhouse:// DSN (got "nowhere")
database: must name a database
user: must name a user
dial_timeout: must be above zero (got 0s)
read_timeout: must be above zero (got 0s)
max_open_conns: must be 1..1000 (got 0)
compression: must be none, lz4 or zstd (got "brotli")`)
}

func TestValidateRefusesOneFault(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"a database name with a quote": {func(c *Config) { c.Database = "a`b" }, "database: must be a plain name (got \"a`b\")"},
		"too many connections":         {func(c *Config) { c.MaxOpenConns = 1001 }, "max_open_conns: must be 1..1000 (got 1001)"},
		"a negative timeout":           {func(c *Config) { c.ReadTimeout = -time.Second }, "read_timeout: must be above zero (got -1s)"},
		"one bad host of two":          {func(c *Config) { c.Addr = "a:9000,b" }, `addr: must be host:port, several separated by commas, or a clickhouse:// DSN (got "b")`},
		"the HTTP protocol":            {func(c *Config) { c.Addr = "http://a:8123/x" }, "addr: must be the native protocol, clickhouse://host:9000/database, not HTTP"},
		"a DSN without a port":         {func(c *Config) { c.Addr = "clickhouse://a/x" }, `addr: each host of the DSN needs a port (got "a")`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			tc.change(&cfg)
			require.EqualError(t, cfg.Validate(), tc.want)
		})
	}
}

// A DSN holds a password; a fault in it must not print it.
func TestAFaultyDSNDoesNotTellItsPassword(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Addr = "clickhouse://bob:hunter2@host:90x0/db"
	err := cfg.Validate()
	require.ErrorContains(t, err, "addr: not a DSN")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestOptionsOfPlainAddresses(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Addr, cfg.Password = "one:9000,two:9000", "secret"
	options, err := cfg.Options()
	require.NoError(t, err)
	require.Equal(t, []string{"one:9000", "two:9000"}, options.Addr)
	require.Equal(t, driver.Auth{Database: "leadstream", Username: "default", Password: "secret"}, options.Auth)
	require.Equal(t, driver.CompressionLZ4, options.Compression.Method)
	require.Equal(t, 10, options.MaxIdleConns)
	require.Nil(t, options.TLS)
}

func TestOptionsOfADSNWinOverTheKeys(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Addr = "clickhouse://bob:hunter2@host:9440/sales?secure=true&dial_timeout=1s&max_execution_time=30"
	options, err := cfg.Options()
	require.NoError(t, err)
	require.Equal(t, []string{"host:9440"}, options.Addr)
	require.Equal(t, driver.Auth{Database: "sales", Username: "bob", Password: "hunter2"}, options.Auth)
	require.Equal(t, time.Second, options.DialTimeout)
	require.Equal(t, 5*time.Minute, options.ReadTimeout, "what the DSN leaves open comes from the keys")
	require.NotNil(t, options.TLS)
	require.EqualValues(t, 30, options.Settings["max_execution_time"])
}

func TestOptionsOfABareDSNTakeTheKeys(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Addr = "clickhouse://host:9000"
	options, err := cfg.Options()
	require.NoError(t, err)
	require.Equal(t, driver.Auth{Database: "leadstream", Username: "default"}, options.Auth)
}

func TestNoAddressNamesTheKey(t *testing.T) {
	_, err := DefaultConfig().Options()
	require.EqualError(t, err, "clickhouse.addr: is empty, and this role has no embedded ClickHouse: set it to host:port or a clickhouse:// DSN")
}

func TestColumnarHasTheSameSettings(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Addr, cfg.Compression = "clickhouse://bob:hunter2@host:9440/sales?secure=true", "zstd"
	options, err := cfg.Columnar()
	require.NoError(t, err)
	require.Equal(t, "host:9440", options.Address)
	require.Equal(t, "sales", options.Database)
	require.Equal(t, "bob", options.User)
	require.Equal(t, "hunter2", options.Password)
	require.Equal(t, ch.CompressionZSTD, options.Compression)
	require.NotNil(t, options.TLS)
}

func TestAClusterNeedsANodeAndAPlainName(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Cluster = "a'b"
	require.ErrorContains(t, cfg.Validate(), "cluster: must be a plain name")
	require.ErrorContains(t, cfg.Validate(), "cluster: needs clickhouse.addr")
}
