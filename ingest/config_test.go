package ingest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"leadstream/internal/config"
)

func TestDefaultsAreSoundButForTheSites(t *testing.T) {
	require.EqualError(t, DefaultConfig().Validate(), "sites: at least one is needed: a name, and a write key of it")
	require.NoError(t, testConfig().Validate())
	for _, s := range testConfig().Sites {
		require.NoError(t, s.Validate())
	}
}

func TestEachFaultIsNamedByItsKey(t *testing.T) {
	for key, alter := range map[string]func(*Config){
		"listen":             func(c *Config) { c.Listen = "8080" },
		"max_body":           func(c *Config) { c.MaxBody = 1 },
		"max_inflated":       func(c *Config) { c.MaxInflated = c.MaxBody - 1 },
		"max_event":          func(c *Config) { c.MaxEvent = 1 << 20 },
		"max_batch":          func(c *Config) { c.MaxBatch = 0 },
		"linger":             func(c *Config) { c.Linger = -1 },
		"produce_timeout":    func(c *Config) { c.ProduceTimeout = 0 },
		"max_buffered":       func(c *Config) { c.MaxBuffered = c.MaxBatch - 1 },
		"drain_timeout":      func(c *Config) { c.DrainTimeout = time.Hour },
		"max_in_flight":      func(c *Config) { c.MaxInFlight = 4 * c.MaxInflated },
		"header_timeout":     func(c *Config) { c.HeaderTimeout = 0 },
		"read_timeout":       func(c *Config) { c.ReadTimeout = c.HeaderTimeout - 1 },
		"unknown_key_status": func(c *Config) { c.UnknownKeyStatus = 204 },
		"trusted_proxies":    func(c *Config) { c.TrustedProxies = []string{"10.0.0.1"} },
		"sites":              func(c *Config) { c.Sites[1].Name = c.Sites[0].Name },
	} {
		cfg := testConfig()
		alter(&cfg)
		err := cfg.Validate()
		require.ErrorContains(t, err, key+": ")
		require.NotContains(t, err.Error(), "\n", "one fault, one line")
	}
	shared := testConfig()
	shared.Sites[1].WriteKeys = []string{"demo"}
	require.ErrorContains(t, shared.Validate(), `the write key "demo" stands there twice`)
	twofold := testConfig()
	twofold.Sites[1].SecretKeys = []config.Secret{"demo"}
	require.ErrorContains(t, twofold.Validate(), "one key, one purpose")
}

func TestEachFaultOfASiteIsNamedByItsKey(t *testing.T) {
	for key, s := range map[string]Site{
		"name":           {Name: "Demo/1", WriteKeys: []string{"k"}},
		"write_keys":     {Name: "demo"},
		"secret_keys":    {Name: "demo", SecretKeys: []config.Secret{"short"}},
		"revoked_keys":   {Name: "demo", WriteKeys: []string{"k"}, RevokedKeys: []string{"a b"}},
		"refused_status": {Name: "demo", WriteKeys: []string{"k"}, RefusedStatus: 401},
		"rate":           {Name: "demo", WriteKeys: []string{"k"}, Rate: -1},
		"origins":        {Name: "demo", WriteKeys: []string{"k"}, Origins: []string{"www.example.com"}},
	} {
		require.ErrorContains(t, s.Validate(), key+": ")
	}
	require.ErrorContains(t, RateConfig{PerIP: -1, Burst: time.Second}.Validate(), "per_ip: ")
	require.ErrorContains(t, RateConfig{PerKey: -1, Burst: time.Second}.Validate(), "per_key: ")
	require.ErrorContains(t, RateConfig{}.Validate(), "burst: ")
	require.ErrorContains(t, TLSConfig{Cert: "c.pem"}.Validate(), "cert: ")
	require.ErrorContains(t, Site{Name: "x", WriteKeys: []string{"id:secret"}}.Validate(), "write_keys: ")
	require.NotContains(t, Site{Name: "x", SecretKeys: []config.Secret{"hush"}}.Validate().Error(), "hush")
}

func TestTheSectionLoadsFromYAML(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yml")
	require.NoError(t, os.WriteFile(file, []byte(`
ingest:
  listen: 127.0.0.1:0
  max_event: 16KiB
  linger: 3ms
  sites:
    - name: www
      write_keys: [abc]
      secret_keys: ["env:KEY"]
      origins: ["https://*.example.com"]
`), 0o600))
	root := struct {
		Ingest Config `yaml:"ingest"`
	}{DefaultConfig()}
	_, err := config.Load(&root, config.Options{File: file, Prefix: "LEADSTREAM", Env: []string{"KEY=long-enough-secret"}})
	require.NoError(t, err)
	require.Equal(t, 3*time.Millisecond, root.Ingest.Linger)
	require.Equal(t, config.Size(16<<10), root.Ingest.MaxEvent)
	require.Equal(t, "long-enough-secret", root.Ingest.Sites[0].SecretKeys[0].Reveal())
	require.Equal(t, 2500, root.Ingest.MaxBatch)
	shown, err := config.Effective(&root)
	require.NoError(t, err)
	require.NotContains(t, string(shown), "long-enough-secret")

	_, err = New(Config{}, Deps{})
	require.Error(t, err, "New refuses what Load would have refused")
}

func TestOrigins(t *testing.T) {
	s := site{origins: []string{"https://acme.example", "https://*.Acme.example:8443"}}
	for origin, want := range map[string]bool{
		"": true, "https://acme.example": true, "https://ACME.example": true, "http://acme.example": false, "https://acme.example:444": false,
		"https://www.acme.example:8443": true, "https://a.b.acme.example:8443": true, "https://www.acme.example": false, "https://acme.example:8443": false,
		"https://evilacme.example:8443": false, "https://acme.example.evil.test": false, "null": false, "http://[": false,
	} {
		require.Equal(t, want, s.allows(origin), origin)
	}
	require.True(t, (&site{}).allows("https://anywhere.test"))
}

func TestClientIP(t *testing.T) {
	p := newProxies([]string{"10.0.0.0/8", "2001:db8::/32"})
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.7:999", "", "203.0.113.7"},
		{"203.0.113.7:999", "1.2.3.4", "203.0.113.7"},
		{"10.0.0.1:999", "1.2.3.4", "1.2.3.4"},
		{"10.0.0.1:999", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"},
		{"10.0.0.1:999", "1.2.3.4, rubbish", "10.0.0.1"},
		{"10.0.0.1:999", "", "10.0.0.1"},
		{"10.0.0.1:999", "10.1.1.1", "10.1.1.1"},
		{"[2001:db8::1]:999", "::ffff:1.2.3.4", "1.2.3.4"},
		{"[fe80::1%eth0]:999", "", "fe80::1"},
		{"@", "1.2.3.4", ""},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		for hop := range strings.SplitSeq(c.forwarded, ", ") {
			r.Header.Add("X-Forwarded-For", hop)
		}
		require.Equal(t, c.want, textOf(p.clientIP(r)), "%s for %s", c.peer, c.forwarded)
	}
}
