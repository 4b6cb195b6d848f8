package front

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
)

// head is a request's header, in the form that net/http gives it, less what nobody looks at: a browser sends fifteen headers, and
// a map of them costs as much as decoding half of an event.
type head struct {
	size   int // its bytes
	target *target
	host   string
	header http.Header
	values [mostHeaders]string // what header's lists are pieces of
}

// mostHeaders is more than any browser sends.
const mostHeaders = 40

// read takes a header that is there as a whole, and tells how long the request is with its body. Not ok means that net/http must
// look at it: a header that is incomplete, odd, or says anything about the connection.
func (h *head) read(buf []byte, known *targets, all names) (size int, ok bool) {
	end := bytes.Index(buf, []byte("\r\n\r\n"))
	if end < 0 || !bytes.HasPrefix(buf, []byte("POST /")) {
		return 0, false
	}
	text := string(buf[:end+2]) // events keep pieces of it
	line, text, _ := strings.Cut(text[len("POST "):], "\r\n")
	name, ok := strings.CutSuffix(line, " HTTP/1.1")
	if !ok {
		return 0, false
	}
	if h.target = known.find(name); h.target == nil {
		return 0, false
	}
	clear(h.header)
	h.host = ""
	length := -1
	for n := 0; text != ""; n++ {
		line, text, _ = strings.Cut(text, "\r\n")
		colon := strings.IndexByte(line, ':')
		if colon <= 0 || n == mostHeaders || !isToken(line[:colon]) || !isText(line[colon+1:]) {
			return 0, false
		}
		name, value := all.find(line[:colon]), strings.Trim(line[colon+1:], " \t")
		switch name.canonical {
		case "Host":
			if h.host != "" || !isHost(value) {
				return 0, false
			}
			h.host = value
			continue
		case "Content-Length":
			if length >= 0 {
				return 0, false
			}
			if length, ok = number(value); !ok {
				return 0, false
			}
			continue
		case "Connection":
			if !strings.EqualFold(value, "keep-alive") {
				return 0, false
			}
		case "Transfer-Encoding", "Expect", "Upgrade", "Trailer", "Te", "Pragma":
			return 0, false
		}
		if !name.kept {
			continue
		}
		if list := h.header[name.canonical]; list != nil {
			h.header[name.canonical] = append(list, value)
			continue
		}
		h.values[n] = value
		h.header[name.canonical] = h.values[n : n+1 : n+1]
	}
	h.size = end + 4
	return h.size + length, length >= 0 && h.host != ""
}

// names knows headers by the spellings that browsers and proxies use.
type names map[string]named

type named struct {
	canonical string // as net/http writes it
	kept      bool   // the handler looks at it
}

// usualNames are what browsers and proxies send: finding a spelling is a third of making it.
var usualNames = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Cookie", "Forwarded", "Host", "Priority",
	"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Site", "Sec-Fetch-Storage-Access", "Via",
	"X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
}

func newNames(kept []string) names {
	all := names{}
	add := func(name string, kept bool) {
		n := named{http.CanonicalHeaderKey(name), kept}
		all[n.canonical], all[strings.ToLower(name)] = n, n
	}
	for _, name := range usualNames {
		add(name, false)
	}
	for _, name := range kept {
		add(name, true)
	}
	return all
}

func (all names) find(name string) named {
	if known, ok := all[name]; ok {
		return known
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	if known, ok := all[name]; ok {
		return known
	}
	return named{canonical: name}
}

// number reads what a Content-Length of a small body may be.
func number(digits string) (n int, ok bool) {
	if len(digits) == 0 || len(digits) > 6 {
		return 0, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = 10*n + int(digits[i]-'0')
	}
	return n, true
}

func isToken(name string) bool {
	for i := range len(name) {
		if !tokens[name[i]] {
			return false
		}
	}
	return true
}

// isText tells a value without control characters; a tab is rare enough to be net/http's.
func isText(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < ' ' || b == 0x7f {
			return false
		}
	}
	return true
}

func isHost(value string) bool {
	for i := range len(value) {
		if b := value[i]; b != '.' && b != ':' && b != '-' && (b < '0' || b > '9') && (b|0x20 < 'a' || b|0x20 > 'z') {
			return false
		}
	}
	return value != ""
}

// tokens are the bytes of a header's name: letters, digits and the hyphen, which is less than RFC 9110 allows.
var tokens = func() (is [256]bool) {
	for _, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") {
		is[b] = true
	}
	return is
}()

// target is what a request asks for, parsed. It is shared: nobody may write to it.
type target struct {
	text string
	url  *url.URL
}

// targets remembers the parsed ones: pages send to a handful, with the same query each time.
type targets struct {
	mu    sync.RWMutex
	known map[string]*target
}

// mostTargets and longestTarget bound the memory to about 1 MB; what comes later is parsed each time.
const (
	mostTargets   = 1024
	longestTarget = 512
)

// find returns nil for what net/http should look at.
func (t *targets) find(text string) *target {
	t.mu.RLock()
	found := t.known[text]
	t.mu.RUnlock()
	if found != nil {
		return found
	}
	if strings.HasPrefix(text, "//") || !isText(text) || strings.ContainsAny(text, " #") {
		return nil
	}
	text = strings.Clone(text) // not the whole header
	parsed, err := url.ParseRequestURI(text)
	if err != nil {
		return nil
	}
	found = &target{text, parsed}
	if len(text) <= longestTarget {
		t.mu.Lock()
		defer t.mu.Unlock()
		if len(t.known) < mostTargets {
			t.known[text] = found
		}
	}
	return found
}
