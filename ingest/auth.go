package ingest

import (
	"net/http"
	"net/url"
	"strings"

	"leadstream/ingest/protocol"
)

// keyOf finds the key outside of the body. inURL tells that it stood in the address, where a secret has no business.
func keyOf(r *http.Request, query url.Values) (key string, inURL bool) {
	if auth := header(r, "Authorization"); auth != "" {
		if user, password, ok := r.BasicAuth(); ok {
			if user == "" {
				user = password // some clients send :KEY
			}
			return user, false
		}
		if token, ok := strings.CutPrefix(auth, "Bearer "); ok {
			return token, false
		}
	}
	if key := header(r, "X-Write-Key"); key != "" {
		return key, false
	}
	for _, name := range protocol.KeyNames {
		if key := query.Get(name); key != "" {
			return key, true
		}
	}
	return "", false
}

// thanked is a refusal that its sender does not hear of: the answer is the protocol's yes. It is counted like any other.
type thanked struct{ *protocol.Fault }

func (t *thanked) Unwrap() error { return t.Fault }

// admit says whose events these are, and whether their page may send them.
func (s *Service) admit(r *http.Request, key string, inURL bool) (grant, error) {
	if key == "" {
		return grant{}, fault(noKey, "")
	}
	g, ok := s.sites.find(key)
	switch {
	case !ok && s.cfg.UnknownKeyStatus == http.StatusOK:
		return grant{}, &thanked{fault(wrongKey, "")}
	case !ok:
		return grant{}, fault(wrongKey, "")
	case g.revoked && g.site.silent:
		return grant{}, &thanked{fault(keyRevoked, "")}
	case g.revoked:
		return grant{}, fault(keyRevoked, "")
	case g.trusted && inURL:
		return grant{}, fault(secretInURL, "")
	case !g.trusted && !g.site.allows(header(r, "Origin")):
		if g.site.silent {
			return grant{}, &thanked{fault(originRefused, "")}
		}
		return grant{}, fault(originRefused, "")
	}
	return g, nil
}
