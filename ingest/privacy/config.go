package privacy

import (
	"regexp"
	"slices"
	"strings"

	"leadstream/internal/config"
)

// Keys is the ingest.privacy section: what all sites share.
type Keys struct {
	// HashSecret keys the hashes of emails and listed values. All collectors need the same, for good: with another, a person
	// becomes another.
	HashSecret config.Secret `yaml:"hash_secret"`
	// DaySecret lets several collectors make the same pseudonyms of a day. Whoever has it can make them again, years later.
	// Without it the salt of a day is random, and nobody can.
	DaySecret config.Secret `yaml:"day_secret"`
	// Dir keeps the day's salt over a restart: empty = data_dir/privacy, none = a restart begins new pseudonyms.
	Dir string `yaml:"dir"`
}

// shortest is how long a secret must be: what a person types from memory can be guessed by who has the hashes.
const shortest = 16

// Validate reports every fault.
func (k Keys) Validate() error {
	var p config.Problems
	for name, secret := range map[string]config.Secret{"hash_secret": k.HashSecret, "day_secret": k.DaySecret} {
		n := len(secret.Reveal())
		p.Check(n == 0 || n >= shortest, name, "must have %d characters or more (got %d): openssl rand -hex 32 makes one", shortest, n)
	}
	return p.Err()
}

// Policy is the privacy section of a site.
type Policy struct {
	Keep     string `yaml:"policy"`    // at most: full, no_ip, cookieless, drop; empty = full
	Unasked  string `yaml:"unasked"`   // the same four, of visitors whose events bear no word of consent; empty = full
	OptedOut string `yaml:"opted_out"` // the same four, of visitors who send Sec-GPC, DNT, a denying gcs or SP-Anonymous; empty = cookieless
	IP       string `yaml:"ip"`        // keep, truncate (to /24 and /48), drop; empty = keep
	Emails   string `yaml:"emails"`    // keep, hash, hash_keep_domain; empty = keep

	Allow []string `yaml:"allow"` // paths such as properties.plan: of a root that is named here, nothing else is kept
	Deny  []string `yaml:"deny"`  // paths that are taken out, with all below them
	Hash  []string `yaml:"hash"`  // paths whose values are hashed
}

var (
	levels = map[string]Level{"": Full, "full": Full, "no_ip": NoIP, "cookieless": Cookieless, "drop": Drop}
	path   = regexp.MustCompile(`^(properties|traits|query)\.[^\s].*$`)
)

// Validate reports every fault.
func (c Policy) Validate() error {
	var p config.Problems
	for _, level := range []struct{ key, value string }{{"policy", c.Keep}, {"unasked", c.Unasked}, {"opted_out", c.OptedOut}} {
		_, ok := levels[level.value]
		p.Check(ok, level.key, "must be full, no_ip, cookieless or drop (got %q)", level.value)
	}
	p.Check(slices.Contains([]string{"", "keep", "truncate", "drop"}, c.IP), "ip", "must be keep, truncate or drop (got %q)", c.IP)
	p.Check(slices.Contains([]string{"", "keep", "hash", "hash_keep_domain"}, c.Emails), "emails", "must be keep, hash or hash_keep_domain (got %q)", c.Emails)
	seen := map[string]string{}
	for _, list := range []struct {
		key   string
		paths []string
	}{{"allow", c.Allow}, {"deny", c.Deny}, {"hash", c.Hash}} {
		for _, text := range list.paths {
			p.Check(path.MatchString(text), list.key, "must be properties.NAME, traits.NAME or query.NAME, deeper as properties.address.street (got %q)", text)
			before := seen[text]
			p.Check(before == "" || before == "allow" && list.key == "hash", list.key, "%q stands in %s, too", text, before)
			seen[text] = list.key
		}
	}
	return p.Err()
}

// Hashes tells whether the policy needs Keys.HashSecret.
func (c Policy) Hashes() bool { return len(c.Hash) > 0 || strings.HasPrefix(c.Emails, "hash") }
