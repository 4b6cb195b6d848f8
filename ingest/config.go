package ingest

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"leadstream/ingest/dedup"
	"leadstream/ingest/geo"
	"leadstream/ingest/hooks"
	"leadstream/ingest/privacy"
	"leadstream/ingest/spool"
	"leadstream/internal/config"
)

// Config is the ingest section.
type Config struct {
	Listen string `yaml:"listen"` // host:port of the collectors
	Sites  []Site `yaml:"sites"`  // whose events are taken

	Hooks []hooks.Config `yaml:"hooks"` // webhooks of social networks, CRMs and market feeds: docs/webhooks.md

	MaxBody     config.Size `yaml:"max_body"`      // of a request as it comes
	MaxInflated config.Size `yaml:"max_inflated"`  // of a request once unpacked
	MaxEvent    config.Size `yaml:"max_event"`     // of one event as it was sent
	MaxBatch    int         `yaml:"max_batch"`     // events of a request
	MaxInFlight config.Size `yaml:"max_in_flight"` // memory for the bodies of all requests together; beyond it they wait, then hear 503

	HeaderTimeout time.Duration `yaml:"header_timeout"` // for a request's header
	ReadTimeout   time.Duration `yaml:"read_timeout"`   // for header and body; a body that comes at 32 KiB/s or more has longer

	Rate RateConfig `yaml:"rate"` // how much one address or one key may send
	TLS  TLSConfig  `yaml:"tls"`  // https, from files

	// UnknownKeyStatus is what the sender of a key hears that no site has: 401, or 200 as from Segment, for clients that
	// take any other answer for an outage and send the same for days. Nothing is kept either way, and both are counted.
	UnknownKeyStatus int `yaml:"unknown_key_status"`

	Linger         time.Duration `yaml:"linger"`          // how long the first event of a batch waits for company
	ProduceTimeout time.Duration `yaml:"produce_timeout"` // how long a request waits for the broker before it is told 503
	MaxBuffered    int           `yaml:"max_buffered"`    // events waiting for the broker, all requests together
	DrainTimeout   time.Duration `yaml:"drain_timeout"`   // at a stop: for requests under way, and again for the broker

	Spool spool.Config `yaml:"spool"` // where events wait while the broker is away; without a dir it is the broker or 503

	Privacy privacy.Keys `yaml:"privacy"` // what the sites' privacy policies share

	GeoIP geo.Config   `yaml:"geoip"` // where addresses are; without files nobody knows
	Dedup dedup.Config `yaml:"dedup"` // how long a repeat of an event is known as one

	TrustedProxies []string `yaml:"trusted_proxies"` // networks whose X-Forwarded-For is believed, such as 10.0.0.0/8
}

// Site is one property whose visitors are followed. Ids are unique within a site, not beyond it.
type Site struct {
	Name        string          `yaml:"name"`         // lower case letters, digits, _ and -
	WriteKeys   []string        `yaml:"write_keys"`   // stand in pages; whoever reads a page has them
	SecretKeys  []config.Secret `yaml:"secret_keys"`  // for servers: may speak for the CRM, and of other people's addresses
	Origins     []string        `yaml:"origins"`      // pages that may send, https://www.example.com or https://*.example.com; empty = any
	RevokedKeys []string        `yaml:"revoked_keys"` // write keys that were this site's and are refused now
	// RefusedStatus is what this site's pages hear to a revoked key, or from an origin that is not allowed: 200 as from Segment
	// (see UnknownKeyStatus), or 0 for the usual 401 and 403.
	RefusedStatus int `yaml:"refused_status"`
	Rate          int `yaml:"rate"` // events a second of each of its keys; 0 = rate.per_key
	// History lets a secret key's events carry their own received_at: imports of years gone by.
	History bool           `yaml:"history"`
	Privacy privacy.Policy `yaml:"privacy"` // what is kept of its visitors: docs/privacy.md
}

// DefaultConfig has every value but the sites, which nobody else can know.
func DefaultConfig() Config {
	return Config{
		Listen:        "127.0.0.1:8080",
		MaxBody:       4 << 20,
		MaxInflated:   20 << 20,
		MaxEvent:      32 << 10, // Segment's limit, which its clients keep to
		MaxBatch:      2500,     // likewise
		MaxInFlight:   256 << 20,
		HeaderTimeout: 5 * time.Second,
		ReadTimeout:   15 * time.Second,
		Rate:          RateConfig{Burst: 30 * time.Second},

		UnknownKeyStatus: http.StatusUnauthorized,
		Linger:           2 * time.Millisecond,
		ProduceTimeout:   5 * time.Second,
		MaxBuffered:      100_000,
		DrainTimeout:     8 * time.Second, // twice this is below the 20 s that a part gets to stop
		Spool:            spool.DefaultConfig(),
		GeoIP:            geo.DefaultConfig(),
		Dedup:            dedup.DefaultConfig(),
	}
}

var siteName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// Validate reports every fault.
func (c Config) Validate() error {
	var p config.Problems
	_, _, err := net.SplitHostPort(c.Listen)
	p.Check(err == nil, "listen", "must be host:port (got %q)", c.Listen)
	p.Check(len(c.Sites) > 0, "sites", "at least one is needed: a name, and a write key of it")
	p.Check(c.MaxBody >= 1<<10 && c.MaxBody <= 64<<20, "max_body", "must be 1KiB..64MiB (got %v)", c.MaxBody)
	p.Check(c.MaxInflated >= c.MaxBody && c.MaxInflated <= 256<<20, "max_inflated", "must be max_body..256MiB (got %v)", c.MaxInflated)
	p.Check(c.MaxEvent >= 1<<10 && c.MaxEvent <= 512<<10, "max_event", "must be 1KiB..512KiB, a broker takes 1MB (got %v)", c.MaxEvent)
	p.Check(c.MaxBatch >= 1 && c.MaxBatch <= 100_000, "max_batch", "must be 1..100000 (got %d)", c.MaxBatch)
	p.Check(c.Linger >= 0 && c.Linger <= time.Second, "linger", "must be 0s..1s (got %v)", c.Linger)
	p.Check(c.ProduceTimeout >= 100*time.Millisecond && c.ProduceTimeout <= time.Minute, "produce_timeout", "must be 100ms..1m (got %v)", c.ProduceTimeout)
	p.Check(c.MaxBuffered >= c.MaxBatch && c.MaxBuffered <= 10_000_000, "max_buffered", "must be max_batch..10000000 (got %d)", c.MaxBuffered)
	p.Check(c.DrainTimeout >= time.Second && c.DrainTimeout <= 5*time.Minute, "drain_timeout", "must be 1s..5m (got %v)", c.DrainTimeout)
	least := 4*c.MaxInflated + 2*c.MaxBody // room for one largest request, in the share that large ones have
	p.Check(c.MaxInFlight >= least && c.MaxInFlight <= 64<<30, "max_in_flight", "must be at least 4 x max_inflated + 2 x max_body = %v, and 64GiB at most (got %v)", least, c.MaxInFlight)
	p.Check(c.HeaderTimeout >= time.Second && c.HeaderTimeout <= time.Minute, "header_timeout", "must be 1s..1m (got %v)", c.HeaderTimeout)
	p.Check(c.ReadTimeout >= c.HeaderTimeout && c.ReadTimeout <= 5*time.Minute, "read_timeout", "must be header_timeout..5m (got %v)", c.ReadTimeout)
	p.Check(c.UnknownKeyStatus == http.StatusUnauthorized || c.UnknownKeyStatus == http.StatusOK, "unknown_key_status", "must be 401 or 200 (got %d)", c.UnknownKeyStatus)
	for _, text := range c.TrustedProxies {
		_, err := netip.ParsePrefix(text)
		p.Check(err == nil, "trusted_proxies", "must be networks such as 10.0.0.0/8 (got %q)", text)
	}
	c.validateKeys(&p)
	c.validateHooks(&p)
	for _, s := range c.Sites {
		p.Check(!s.Privacy.Hashes() || c.Privacy.HashSecret != "", "privacy.hash_secret",
			"is needed, because site %s hashes: give all collectors the same, and keep it", s.Name)
	}
	return p.Err()
}

// validateKeys looks at what only all sites together can show: two of one name, one key for two purposes.
func (c Config) validateKeys(p *config.Problems) {
	names, keys := map[string]bool{}, map[string]bool{}
	for _, s := range c.Sites {
		p.Check(!names[s.Name], "sites", "the name %q stands there twice", s.Name)
		names[s.Name] = true
		for _, key := range slices.Concat(s.WriteKeys, s.RevokedKeys) {
			p.Check(!keys[key], "sites", "the write key %q stands there twice", key)
			keys[key] = true
		}
	}
	for _, s := range c.Sites {
		for _, secret := range s.SecretKeys {
			p.Check(!keys[secret.Reveal()], "sites", "a secret key of %s is another key too: one key, one purpose", s.Name)
			keys[secret.Reveal()] = true
		}
	}
}

// Validate reports the faults of one site.
func (s Site) Validate() error {
	var p config.Problems
	p.Check(siteName.MatchString(s.Name), "name", "must be 1..63 of a-z, 0-9, _ and - (got %q)", s.Name)
	p.Check(len(s.WriteKeys)+len(s.SecretKeys) > 0, "write_keys", "at least one is needed, or nobody can send for %s", s.Name)
	for name, keys := range map[string][]string{"write_keys": s.WriteKeys, "revoked_keys": s.RevokedKeys} {
		for _, key := range keys {
			p.Check(key != "" && len(key) <= 128 && !strings.ContainsAny(key, " /:\t\r\n"), name, "must be 1..128 characters without spaces, / and : (got %q)", key)
		}
	}
	for _, secret := range s.SecretKeys {
		n := len(secret.Reveal())
		p.Check(n >= 8 && n <= 512, "secret_keys", "must have 8..512 characters (got %d)", n)
	}
	p.Check(s.RefusedStatus == 0 || s.RefusedStatus == http.StatusOK, "refused_status", "must be 200, or 0 for the usual (got %d)", s.RefusedStatus)
	p.Check(s.Rate >= 0 && s.Rate <= mostRate, "rate", "must be 0..%d events a second, 0 = ingest.rate.per_key (got %d)", mostRate, s.Rate)
	for _, origin := range s.Origins {
		u, err := url.Parse(origin)
		ok := err == nil && u.Scheme != "" && u.Host != "" && u.Path == "" && u.RawQuery == ""
		p.Check(ok, "origins", "must be like https://www.example.com, without a path (got %q)", origin)
	}
	return p.Err()
}
