package ingest

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"

	"leadstream/ingest/privacy"
)

// site is a configured site, ready to be looked up.
type site struct {
	name    string
	history bool
	origins []string
	silent  bool // refusals are answered 200
	guard   *privacy.Guard
}

// grant is what a key opens.
type grant struct {
	site    *site
	trusted bool // a secret key
	revoked bool // a write key no more
	pace    *keyPace
}

// sites finds a key's grant. Secret keys are looked up by their digest, so that the time it takes says nothing about them.
type sites struct {
	public map[string]grant
	secret map[[sha256.Size]byte]grant
	named  map[string]*site
	hide   *strings.Replacer // see hideKeys
}

func newSites(cfg Config) sites {
	all := sites{public: map[string]grant{}, secret: map[[sha256.Size]byte]grant{}, named: map[string]*site{}, hide: hideKeys(cfg)}
	for _, s := range cfg.Sites {
		known := &site{name: s.Name, history: s.History, origins: s.Origins, silent: s.RefusedStatus == http.StatusOK, guard: privacy.New(s.Name, s.Privacy, cfg.Privacy)}
		all.named[s.Name] = known
		rate := s.Rate
		if rate == 0 {
			rate = cfg.Rate.PerKey
		}
		for _, key := range s.RevokedKeys {
			all.public[key] = grant{site: known, revoked: true}
		}
		for _, key := range s.WriteKeys {
			all.public[key] = grant{site: known, pace: &keyPace{rate: rate}}
		}
		for _, key := range s.SecretKeys {
			all.secret[sha256.Sum256([]byte(key.Reveal()))] = grant{site: known, trusted: true, pace: &keyPace{rate: rate}}
		}
	}
	return all
}

func (s sites) find(key string) (grant, bool) {
	// Jitsu's clients send ID:SECRET, and the secret masked; the id is the write key, which holds no colon.
	id, _, _ := strings.Cut(key, ":")
	if g, ok := s.public[id]; ok {
		return g, true
	}
	g, ok := s.secret[sha256.Sum256([]byte(key))]
	return g, ok
}

// allows tells whether a page of the origin may send. Servers have no origin, and mails none worth the name.
func (s *site) allows(origin string) bool {
	if len(s.origins) == 0 || origin == "" {
		return true
	}
	for _, allowed := range s.origins {
		if strings.EqualFold(allowed, origin) || below(allowed, origin) {
			return true
		}
	}
	return false
}

// below tells whether origin is a subdomain that https://*.example.com means.
func below(allowed, origin string) bool {
	scheme, host, ok := strings.Cut(allowed, "://*.")
	if !ok {
		return false
	}
	u, err := url.Parse(strings.ToLower(origin))
	return err == nil && u.Scheme == strings.ToLower(scheme) && strings.HasSuffix(u.Host, "."+strings.ToLower(host))
}
