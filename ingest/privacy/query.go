package privacy

import (
	"net/url"
	"strings"
)

// query applies the lists to what stands between ? and # of an address.
func (c *cleaner) query(address string) string {
	base, rest, ok := strings.Cut(address, "?")
	if !ok {
		return address
	}
	pairs, fragment, hasFragment := strings.Cut(rest, "#")
	if pairs = c.pairs(pairs); pairs != "" {
		base += "?" + pairs
	}
	if hasFragment {
		base += "#" + fragment
	}
	return base
}

// pairs applies the lists to a=1&b=2.
func (c *cleaner) pairs(pairs string) string {
	var out strings.Builder
	for pair := range strings.SplitSeq(pairs, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		switch c.lists.query.of(name, false) {
		case remove, keepSome:
			if pair != "" {
				c.removed++
			}
			continue
		case hashIt:
			if decoded, err := url.QueryUnescape(value); err == nil {
				value = decoded
			}
			c.hashed++
			pair = url.QueryEscape(name) + "=" + url.QueryEscape(c.listed(value))
		}
		if out.Len() > 0 {
			out.WriteByte('&')
		}
		out.WriteString(pair)
	}
	return out.String()
}
