package privacy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"

	"leadstream/schemas/pb"
)

// Removal is one word for what was taken out, and a counter's label.
type Removal string

// The words of leadstream_ingest_removed_total.
const (
	RemovedEvent         Removal = "event"               // by policy or opt-out; a visitor's own no is among them
	RemovedIDs           Removal = "ids"                 // the browser's ids and session
	RemovedIP            Removal = "ip"                  //
	TruncatedIP          Removal = "ip_truncated"        //
	RemovedValue         Removal = "value"               // by deny, or by not being in allow
	HashedValue          Removal = "value_hashed"        // by hash
	HashedEmail          Removal = "email_hashed"        // anywhere in the event
	RemovedDeadLetterRaw Removal = "dead_letter_content" // a dead letter says why, but not what
)

// Removals are all words.
var Removals = []Removal{RemovedEvent, RemovedIDs, RemovedIP, TruncatedIP, RemovedValue, HashedValue, HashedEmail, RemovedDeadLetterRaw}

// Guard is a site's policy, ready for use by many at once. The nil Guard lets everything pass.
type Guard struct {
	keep, unasked, optedOut Level

	ip         string
	emails     bool
	keepDomain bool
	lists      lists
	key        [sha256.Size]byte // of the site's hashes
}

// New makes a site's guard of a policy that was validated.
func New(site string, p Policy, k Keys) *Guard {
	g := &Guard{
		keep: levels[p.Keep], unasked: levels[p.Unasked], optedOut: levels[p.OptedOut],
		ip: p.IP, emails: strings.HasPrefix(p.Emails, "hash"), keepDomain: p.Emails == "hash_keep_domain", lists: newLists(p),
	}
	if p.OptedOut == "" {
		g.optedOut = Cookieless
	}
	// A key a site: equal people of two sites have unequal hashes.
	mac := hmac.New(sha256.New, []byte(k.HashSecret.Reveal()))
	mac.Write([]byte("leadstream hash\x00" + site))
	mac.Sum(g.key[:0])
	return g
}

// KeepsContent tells whether a dead letter may repeat what was sent: nobody can take a list's values out of what could not be read.
func (g *Guard) KeepsContent() bool {
	return g.keep == Full && (g.ip == "" || g.ip == "keep") && !g.emails && g.lists.none()
}

// IP is what the site keeps of an address at a level.
func (g *Guard) IP(ip string, level Level, count func(Removal, int)) string {
	if ip == "" {
		return ""
	}
	if level >= NoIP || g.ip == "drop" {
		count(RemovedIP, 1)
		return ""
	}
	if g.ip != "truncate" {
		return ip
	}
	count(TruncatedIP, 1)
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return "" // unreachable: both lengths exist
	}
	return prefix.Addr().String()
}

// Clean applies lists and emails to the whole event, and takes address, the visitor's that is not kept, out of its texts; empty =
// none. It comes before the url of the page is read.
func (g *Guard) Clean(e *pb.Event, address string, count func(Removal, int)) {
	if !g.emails && address == "" && g.lists.none() {
		return
	}
	c := cleaner{Guard: g, address: address}
	if !g.lists.query.none() {
		e.Url, e.Referrer = c.query(e.Url), c.query(e.Referrer)
	}
	if g.emails || address != "" {
		e.Url, e.Referrer = withoutLogin(e.Url), withoutLogin(e.Referrer)
		for _, text := range [...]*string{
			&e.EventId, &e.AnonymousId, &e.UserId, &e.PreviousId, &e.GroupId, &e.SessionId, &e.ViewId, &e.Name, &e.Url, &e.Title, &e.Referrer,
			&e.UtmSource, &e.UtmMedium, &e.UtmCampaign, &e.UtmTerm, &e.UtmContent, &e.Library, &e.Screen, &e.Locale, &e.UserAgent,
		} {
			*text = c.text(*text)
		}
	}
	e.Properties = c.object(e.Properties, g.lists.properties)
	e.Traits = c.object(e.Traits, g.lists.traits)
	count(RemovedValue, c.removed)
	count(HashedValue, c.hashed)
	count(HashedEmail, c.emailsHashed)
	count(RemovedIP, c.addresses)
}

// Text cleans a sentence about an event.
func (g *Guard) Text(text string) string {
	c := cleaner{Guard: g}
	return c.text(text)
}

// withoutLogin cuts user:password@ off an address, before its last half is taken for an email.
func withoutLogin(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		return scheme + "://" + rest[at+1:]
	}
	return url
}

// hash is 128 bits of it: enough that two values never meet, and short enough for an id.
func (g *Guard) hash(text string) string {
	mac := hmac.New(sha256.New, g.key[:])
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
