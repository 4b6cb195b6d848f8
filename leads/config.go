package leads

import (
	"net"
	"net/netip"
	"strings"
	"time"

	"leadstream/internal/config"
)

// Config is the leads section.
type Config struct {
	Listen string `yaml:"listen"` // host:port of the API and the web app

	// Tokens let people and programs in; any of them will do. None is allowed on a loopback address only.
	Tokens []config.Secret `yaml:"tokens"`

	QueryTimeout  time.Duration `yaml:"query_timeout"`  // of one answer; a longer one tells the caller to ask for less
	StreamClients int           `yaml:"stream_clients"` // most live streams at once; each is a connection and a buffer
	StreamBuffer  int           `yaml:"stream_buffer"`  // updates a slow stream may lag behind before it is reset
}

// minToken keeps guessing hopeless: 16 characters of hex are 64 bits.
const minToken = 16

// DefaultConfig serves this machine only.
func DefaultConfig() Config {
	return Config{
		Listen:        "127.0.0.1:8090",
		QueryTimeout:  20 * time.Second,
		StreamClients: 1000,
		StreamBuffer:  256,
	}
}

// Validate names every fault at once, by key.
func (c Config) Validate() error {
	var p config.Problems
	host, port, err := net.SplitHostPort(c.Listen)
	p.Check(err == nil && port != "", "listen", "must be host:port (got %q)", c.Listen)
	if err == nil && len(c.Tokens) == 0 {
		p.Check(loopback(host), "tokens", "%s can be reached from other machines, so at least one token is needed; or listen on 127.0.0.1", c.Listen)
	}
	for _, token := range c.Tokens {
		p.Check(len(token.Reveal()) >= minToken, "tokens", "each must have %d characters or more, such as `openssl rand -hex 16` prints", minToken)
		p.Check(strings.TrimSpace(token.Reveal()) == token.Reveal(), "tokens", "must not begin or end with blanks: a header could not carry them")
	}
	p.Check(c.QueryTimeout >= time.Second && c.QueryTimeout <= 10*time.Minute, "query_timeout", "must be 1s..10m (got %s)", c.QueryTimeout)
	p.Check(c.StreamClients >= 1 && c.StreamClients <= 100_000, "stream_clients", "must be 1..100000 (got %d)", c.StreamClients)
	p.Check(c.StreamBuffer >= 16 && c.StreamBuffer <= 65_536, "stream_buffer", "must be 16..65536 (got %d)", c.StreamBuffer)
	return p.Err()
}

// loopback tells whether a host, as written in a config or sent in a Host header, is this machine and no other.
func loopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}
