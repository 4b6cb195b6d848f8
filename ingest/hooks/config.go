package hooks

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"leadstream/internal/config"
)

// Config is one source: POST /hooks/{kind}/{name}.
type Config struct {
	Kind string `yaml:"kind"` // meta, linkedin, x, tiktok, douyin, wechat, wecom, slack, hmac or generic
	Name string `yaml:"name"` // lower case letters, digits, _ and -; stands in the address
	Site string `yaml:"site"` // whose events these are

	Secret config.Secret `yaml:"secret"`  // what the provider signs with: app secret, client secret, signing secret
	Token  config.Secret `yaml:"token"`   // meta: verify token; wechat, wecom: token; generic: may stand in the address as ?token=
	AESKey config.Secret `yaml:"aes_key"` // wechat, wecom: EncodingAESKey, 43 characters
	AppID  string        `yaml:"app_id"`  // wechat: app id, wecom: corp id; encrypted messages name it
	Header string        `yaml:"header"`  // hmac: where the signature stands; X-Hub-Signature-256 if empty

	Map Mapping `yaml:"map"` // hmac, generic: what a payload means
}

// Mapping says in expressions what a JSON payload means. They see body, item (an element of each, else body), header and
// query. Type may be the plain name of an event type.
type Mapping struct {
	Each        string            `yaml:"each"` // the list of updates; empty = the body is one
	Skip        string            `yaml:"skip"` // true: this update is no event
	Type        string            `yaml:"type"`
	Name        string            `yaml:"name"`
	ID          string            `yaml:"id"` // the provider's id; empty = a digest of the update
	At          string            `yaml:"at"`
	UserID      string            `yaml:"user_id"`
	AnonymousID string            `yaml:"anonymous_id"`
	Account     string            `yaml:"account"`    // group_id
	URL         string            `yaml:"url"`        // the page it happened on
	Properties  map[string]string `yaml:"properties"` // empty = the whole update
	Traits      map[string]string `yaml:"traits"`
}

var (
	plainName  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

func (c Config) isMapped() bool { return c.Kind == "hmac" || c.Kind == "generic" }

// Validate reports every fault.
func (c Config) Validate() error {
	var p config.Problems
	s, known := sources()[c.Kind]
	p.Check(known, "kind", "must be one of %s (got %q)", strings.Join(Kinds(), ", "), c.Kind)
	p.Check(plainName.MatchString(c.Name), "name", "must be 1..63 of a-z, 0-9, _ and - (got %q)", c.Name)
	p.Check(c.Site != "", "site", "is needed: the name of one of ingest.sites")
	has := map[string]bool{"secret": c.Secret != "", "token": c.Token != "", "aes_key": c.AESKey != "", "app_id": c.AppID != "", "map.type": c.Map.Type != ""}
	for _, key := range s.needs {
		p.Check(has[key], key, "is needed for %s: see docs/webhooks.md", c.Kind)
	}
	p.Check(c.Kind != "generic" || has["secret"] || has["token"], "secret", "is needed (or token, if the sender can only be given an address)")
	for _, secret := range []struct {
		key   string
		value config.Secret
	}{{"secret", c.Secret}, {"token", c.Token}} {
		n := len(secret.value.Reveal())
		p.Check(n == 0 || n >= 3 && n <= 512, secret.key, "must have 3..512 characters (got %d)", n)
	}
	if c.Kind == "generic" {
		// Providers make their own secrets; here a person does, and three letters are guessed in a minute.
		p.Check(c.Secret == "" || len(c.Secret.Reveal()) >= 16, "secret", "must have at least 16 characters for generic (got %d)", len(c.Secret.Reveal()))
		p.Check(c.Token == "" || len(c.Token.Reveal()) >= 16, "token", "must have at least 16 characters for generic (got %d)", len(c.Token.Reveal()))
	}
	if c.AESKey != "" {
		_, err := messageKey(c.AESKey.Reveal())
		p.Check(err == nil, "aes_key", "must be the 43 characters of EncodingAESKey (got %d)", len(c.AESKey.Reveal()))
		p.Check(c.AppID != "", "app_id", "is needed with aes_key: an encrypted message names whom it is for")
	}
	p.Check(c.Header == "" || c.Kind == "hmac", "header", "is for kind hmac only")
	p.Check(c.Header == "" || headerName.MatchString(c.Header), "header", "must be the name of a header (got %q)", c.Header)
	c.validateMapping(&p)
	return p.Err()
}

func (c Config) validateMapping(p *config.Problems) {
	if !c.isMapped() {
		p.Check(c.Map.empty(), "map", "is for the kinds hmac and generic: %s knows what its payloads mean", c.Kind)
		return
	}
	for _, e := range c.Map.expressions() {
		if e.text != "" {
			_, err := compile(e)
			p.Check(err == nil, "map."+e.key, "cannot be read: %s", firstLine(err))
		}
	}
	somebody := c.Map.UserID + c.Map.AnonymousID + c.Map.Account
	p.Check(c.Map.Type == "" || somebody != "", "map.user_id", "is needed, or anonymous_id, or account for market events: an event is somebody's")
}

func (m Mapping) empty() bool {
	return !slices.ContainsFunc(m.expressions(), func(e expression) bool { return e.text != "" })
}

func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// messageKey reads WeChat's EncodingAESKey: 32 bytes as base64 without its padding. Tencent's own keys end in bits that are
// not zero, so the strict reading is wrong here.
func messageKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text + "=")
	if err == nil && len(key) != 32 {
		err = base64.CorruptInputError(len(text))
	}
	return key, err
}
