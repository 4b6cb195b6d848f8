package privacy

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// cleaner is one event on its way through a guard; it counts what it takes out.
type cleaner struct {
	*Guard
	address string // to be taken out of texts; empty = none

	removed, hashed, emailsHashed, addresses int
}

// text replaces the emails of a text by their hashes, and the visitor's address by nothing.
func (c *cleaner) text(text string) string {
	if c.address != "" && strings.Contains(text, c.address) {
		c.addresses++
		text = strings.ReplaceAll(text, c.address, "")
	}
	if !c.emails || strings.IndexByte(text, '@') < 0 && !strings.Contains(text, "%") {
		return text
	}
	var out strings.Builder
	rest := text
	for {
		from, to, email, ok := findEmail(rest)
		if !ok {
			break
		}
		out.WriteString(rest[:from])
		out.WriteString(c.email(email))
		rest = rest[to:]
	}
	if out.Len() == 0 {
		return text
	}
	out.WriteString(rest)
	return out.String()
}

// email is e:HASH or, for sites that want to know the company, e:HASH@domain. Case and spaces around it do not matter.
func (c *cleaner) email(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	if domain != "" && len(local) == 32 && strings.Trim(local, "0123456789abcdef") == "" && c.keepDomain {
		return email // hashed already, by us: history that is sent again
	}
	c.emailsHashed++
	hash := "e:" + c.hash(normal(email))
	if c.keepDomain {
		return hash + "@" + strings.ToLower(domain)
	}
	return hash
}

func normal(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// findEmail finds the first email: where it begins and ends in the text, and what it is once percent signs are read.
func findEmail(text string) (from, to int, email string, ok bool) {
	for at := 0; at < len(text); {
		next, width := nextAt(text[at:])
		if next < 0 {
			return 0, 0, "", false
		}
		sign := at + next
		from, to = sign, sign+width
		for from > at {
			r, size := utf8.DecodeLastRuneInString(text[at:from])
			if !inLocal(r) {
				break
			}
			from -= size
		}
		for to < len(text) {
			r, size := utf8.DecodeRuneInString(text[to:])
			if !inDomain(r) {
				break
			}
			to += size
		}
		for to > sign+width && (text[to-1] == '.' || text[to-1] == '-') { // the end of a sentence
			to--
		}
		if email, ok = readEmail(text[from:sign], text[sign+width:to]); ok {
			return from, to, email, true
		}
		at = sign + width
	}
	return 0, 0, "", false
}

// nextAt finds an @, in an address' query also once or twice encoded.
func nextAt(text string) (at, width int) {
	at, width = -1, 1
	for _, form := range [...]string{"@", "%40", "%2540"} {
		if i := strings.Index(text, form); i >= 0 && (at < 0 || i < at) {
			at, width = i, len(form)
		}
	}
	return at, width
}

func readEmail(local, domain string) (string, bool) {
	if local == "" || !strings.Contains(domain, ".") {
		return "", false
	}
	for range 2 {
		if decoded, err := url.PathUnescape(local); err == nil {
			local = decoded
		}
	}
	// What stood encoded before it, such as a quotation mark, is no part of it.
	if i := strings.LastIndexFunc(local, func(r rune) bool { return !inLocal(r) || r == '%' }); i >= 0 {
		_, size := utf8.DecodeRuneInString(local[i:])
		local = local[i+size:]
	}
	return local + "@" + domain, local != ""
}

func inLocal(r rune) bool {
	return inDomain(r) || strings.ContainsRune("+_%'", r)
}

func inDomain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r >= 0x80 && r != utf8.RuneError && !wide(r)
}

// wide are signs that stand between words where nobody writes spaces: 邮箱：ada@acme.example。
func wide(r rune) bool {
	return r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFF0F || r >= 0xFF1A && r <= 0xFF20 || r >= 0x2010 && r <= 0x205E
}
