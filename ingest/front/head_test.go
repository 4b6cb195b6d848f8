package front

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const plain = "POST /v1/events?key=demo HTTP/1.1\r\nHost: collect.acme.example\r\nUser-Agent: Mozilla/5.0\r\ncontent-type: text/plain\r\n" +
	"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For:  5.6.7.8 \r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}"

var all = newNames([]string{"User-Agent", "X-Forwarded-For", "Content-Type", "X-Test", "Referer"})

func newHead() *head { return &head{header: http.Header{}} }

func newTargets() *targets { return &targets{known: map[string]*target{}} }

// same holds what was read against net/http's reading of the same bytes.
func same(t *testing.T, h *head, size int, text []byte) {
	t.Helper()
	want, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	require.NoError(t, err, "net/http would not have taken it")
	require.Equal(t, http.MethodPost, want.Method)
	require.Equal(t, want.URL, h.target.url)
	require.Equal(t, want.RequestURI, h.target.text)
	require.Equal(t, want.Host, h.host)
	for name := range want.Header {
		if !all[name].kept {
			want.Header.Del(name)
		}
	}
	require.Equal(t, want.Header, h.header)
	require.EqualValues(t, want.ContentLength, size-h.size)
	require.Empty(t, want.TransferEncoding)
	require.False(t, want.Close)
	require.Equal(t, 1, want.ProtoMinor)
	body, err := io.ReadAll(want.Body)
	if len(text) >= size {
		require.NoError(t, err)
		require.Equal(t, text[h.size:size], body)
	}
}

func TestAPlainRequestIsRead(t *testing.T) {
	h := newHead()
	size, ok := h.read([]byte(plain), newTargets(), all)
	require.True(t, ok)
	require.Equal(t, len(plain), size)
	same(t, h, size, []byte(plain))
	require.Equal(t, []string{"1.2.3.4", "5.6.7.8"}, h.header.Values("X-Forwarded-For"))
	require.Equal(t, "/v1/events", h.target.url.Path)
}

// TestWhatIsOddIsNetHTTPs: two readers of one connection that read it differently are how requests are smuggled. So nothing odd
// is read here.
func TestWhatIsOddIsNetHTTPs(t *testing.T) {
	for name, change := range map[string][2]string{
		"another method":       {"POST /", "PUT /"},
		"absolute":             {"POST /v1", "POST http://x/v1"},
		"two slashes":          {"POST /v1", "POST //v1"},
		"HTTP/1.0":             {"HTTP/1.1", "HTTP/1.0"},
		"a space in the path":  {"?key=demo", "?key= demo"},
		"fragment":             {"?key=demo", "?key=#demo"},
		"bad escape":           {"/v1/events", "/v1/%zz"},
		"chunked":              {"Content-Length: 2", "Transfer-Encoding: chunked"},
		"chunked and length":   {"User-Agent: Mozilla/5.0", "Transfer-Encoding: chunked"},
		"no length":            {"Content-Length: 2\r\n", ""},
		"two lengths":          {"Content-Length: 2", "Content-Length: 2\r\nContent-Length: 2"},
		"signed length":        {"Content-Length: 2", "Content-Length: +2"},
		"length of two":        {"Content-Length: 2", "Content-Length: 2, 2"},
		"no host":              {"Host: collect.acme.example\r\n", ""},
		"two hosts":            {"Host: collect.acme.example", "Host: a\r\nHost: b"},
		"odd host":             {"collect.acme.example", "collect/acme"},
		"folded":               {"User-Agent: Mozilla/5.0", "User-Agent: Mozilla\r\n /5.0"},
		"space before a colon": {"Content-Length: 2", "Content-Length : 2"},
		"nameless":             {"User-Agent: Mozilla/5.0", ": x"},
		"no colon":             {"User-Agent: Mozilla/5.0", "User-Agent"},
		"half a line end":      {"Mozilla/5.0\r\n", "Mozilla/5.0\n"},
		"NUL":                  {"Mozilla", "Moz\x00illa"},
		"expect":               {"User-Agent: Mozilla/5.0", "Expect: 100-continue"},
		"close":                {"keep-alive", "close"},
		"upgrade":              {"keep-alive", "Upgrade"},
		"incomplete":           {"\r\n\r\n{}", "\r\n"},
		"many headers":         {"User-Agent: Mozilla/5.0\r\n", strings.Repeat("A: b\r\n", mostHeaders)},
	} {
		changed := strings.Replace(plain, change[0], change[1], 1)
		require.NotEqual(t, plain, changed, name)
		_, ok := newHead().read([]byte(changed), newTargets(), all)
		require.False(t, ok, name)
	}
}

func TestTargetsAreBounded(t *testing.T) {
	known := newTargets()
	for i := range 3 * mostTargets {
		require.NotNil(t, known.find("/v1/events?x="+strings.Repeat("x", i)))
	}
	require.LessOrEqual(t, len(known.known), longestTarget)
	require.Same(t, known.find("/v1/events?x=x"), known.find("/v1/events?x=x"))
}

// FuzzHead: whatever is taken, net/http reads the same.
func FuzzHead(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte(strings.Replace(plain, "User-Agent", "Cookie: a=b\r\nReferer: https://ü.example\r\nx-Y-z", 1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		h := newHead()
		size, ok := h.read(text, newTargets(), all)
		if ok {
			same(t, h, size, text)
			size, ok = h.read(text, nil, nil) // the same header again is not read again
			require.True(t, ok)
			same(t, h, size, text)
		}
	})
}

func TestNamesAreFoundInAnySpelling(t *testing.T) {
	for _, name := range []string{"User-Agent", "user-agent", "USER-AGENT", "uSER-aGENT"} {
		require.Equal(t, named{"User-Agent", true}, all.find(name))
	}
	for _, name := range []string{"Cookie", "cookie", "X-Never-Seen", "x-never-seen"} {
		require.Equal(t, named{http.CanonicalHeaderKey(name), false}, all.find(name))
	}
}

// TestTheSameHeaderAgain: only the body's length may be another one; whatever else differs is read as if it were the first.
func TestTheSameHeaderAgain(t *testing.T) {
	h, known := newHead(), newTargets()
	for _, text := range []string{
		plain,
		strings.Replace(plain, "Length: 2", "Length: 0", 1),
		strings.Replace(plain, "Length: 2", "Length: 10", 1),
		strings.Replace(plain, "Length: 2\r\n", "Length:\t2 \r\n", 1),
		strings.Replace(plain, "Mozilla/5.0", "Mozilla/5.1", 1),
		strings.Replace(plain, "keep-alive", "Keep-Alive", 1),
		plain, plain,
		strings.Replace(plain, "key=demo", "key=dem0", 1),
		strings.Replace(plain, "Connection: keep-alive\r\n", "", 1),
		strings.Replace(plain, "Connection: keep-alive\r\n", "Content-Type: a\r\n", 1),
	} {
		size, ok := h.read([]byte(text), known, all)
		fresh := newHead()
		wantSize, want := fresh.read([]byte(text), known, all)
		require.Equal(t, want, ok, "%q", text)
		if !ok {
			continue
		}
		require.Equal(t, wantSize, size)
		require.Equal(t, fresh.header, h.header)
		same(t, h, size, append([]byte(text), "12345678"...)[:max(size, len(text))])
	}
	_, ok := h.read([]byte(strings.Replace(plain, "Length: 2", "Length: 2000000", 1)), known, all)
	require.False(t, ok, "net/http's")
	for cut := range len(plain) - len("{}") {
		_, ok = h.read([]byte(plain[:cut]), known, all)
		require.False(t, ok, "a header that is not there as a whole is net/http's")
		_, _ = h.read([]byte(plain), known, all)
	}
}
