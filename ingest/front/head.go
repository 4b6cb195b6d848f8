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
	length string // of the body, as it stands there
	header http.Header
	values [mostHeaders]string // what header's lists are pieces of

	last remembered
}

// mostHeaders is more than any browser sends.
const mostHeaders = 40

// read takes a header that is there as a whole, and tells how long the request is with its body. Not ok means that net/http must
// look at it: a header that is incomplete, odd, or says anything about the connection.
func (h *head) read(buf []byte, known *targets, all names) (size int, ok bool) {
	if size, length, ok := h.last.again(buf); ok {
		h.size = size
		return size + length, true
	}
	h.last = remembered{}
	end := bytes.Index(buf, []byte("\r\n\r\n"))
	if end < 0 || !bytes.HasPrefix(buf, []byte("POST /")) {
		return 0, false
	}
	h.size = end + 4
	text := string(buf[:h.size]) // events keep pieces of it
	line, fields, _ := strings.Cut(text[len("POST "):end+2], "\r\n")
	name, ok := strings.CutSuffix(line, " HTTP/1.1")
	if !ok {
		return 0, false
	}
	if h.target = known.find(name); h.target == nil {
		return 0, false
	}
	clear(h.header)
	h.host, h.length = "", ""
	digits := 0 // where the length begins
	for n := 0; fields != ""; n++ {
		line, fields, _ = strings.Cut(fields, "\r\n")
		if n == mostHeaders || !h.field(n, line, all) {
			return 0, false
		}
		if h.length != "" && digits == 0 {
			digits = end - len(fields) - len(line) + strings.LastIndex(line, h.length)
		}
	}
	length, ok := number(h.length)
	if ok = ok && h.host != ""; ok {
		h.last = remembered{before: text[:digits], after: text[digits+len(h.length):]}
	}
	return h.size + length, ok
}

// field takes the n'th line. Not ok is as of read.
func (h *head) field(n int, line string, all names) (ok bool) {
	colon := strings.IndexByte(line, ':')
	if colon <= 0 || !isToken(line[:colon]) || !isText(line[colon+1:]) {
		return false
	}
	name, value := all.find(line[:colon]), strings.Trim(line[colon+1:], " \t")
	switch name.canonical {
	case "Host":
		ok = h.host == "" && isHost(value)
		h.host = value
		return ok
	case "Content-Length":
		ok = h.length == "" && value != ""
		h.length = value
		return ok
	case "Connection":
		if !strings.EqualFold(value, "keep-alive") {
			return false
		}
	case "Transfer-Encoding", "Expect", "Upgrade", "Trailer", "Te", "Pragma":
		return false
	}
	if !name.kept {
		return true
	}
	if list := h.header[name.canonical]; list != nil {
		h.header[name.canonical] = append(list, value)
		return true
	}
	h.values[n] = value
	h.header[name.canonical] = h.values[n : n+1 : n+1]
	return true
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
