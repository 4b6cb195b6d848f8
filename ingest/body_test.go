package ingest

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"leadstream/ingest/protocol"
)

func smallBodies() *bodies {
	cfg := DefaultConfig()
	cfg.MaxBody, cfg.MaxInflated = 1000, 5000
	return newBodies(cfg)
}

// read is bodies.read for one request, with a hold that is given back.
func (b *bodies) readOne(body io.Reader, length int64) (string, error) {
	var h hold
	defer h.free()
	return b.read(httptest.NewRecorder(), &http.Request{Body: io.NopCloser(body), ContentLength: length}, &h)
}

func reasonOf(t *testing.T, err error) protocol.Reason {
	t.Helper()
	var f *protocol.Fault
	require.ErrorAs(t, err, &f)
	return f.Reason
}

func TestBodiesAtTheirLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   string
		length int64 // what the header says
		want   int   // bytes
		reason protocol.Reason
	}{
		{"nothing", "", 0, 0, ""},
		{"the most", strings.Repeat("a", 1000), 1000, 1000, ""},
		{"the most, length unsaid", strings.Repeat("a", 1000), -1, 1000, ""},
		{"one more", strings.Repeat("a", 1001), -1, 0, bodyTooLarge},
		{"one more, and says so", "", 1001, 0, bodyTooLarge},
		{"inflates to the most", packed(t, strings.Repeat("a", 5000)), -1, 5000, ""},
		{"inflates to one more", packed(t, strings.Repeat("a", 5001)), -1, 0, bodyTooLarge},
		{"a thousandfold bomb", packed(t, strings.Repeat("a", 500_000)), -1, 0, bodyTooLarge},
		{"cut off", packed(t, strings.Repeat("abc", 100))[:25], -1, 0, badGzip},
		{"wrong checksum", packed(t, "hello")[:25] + "\x00\x00\x00\x00", -1, 0, badGzip},
		{"two bytes of gzip", "\x1f\x8b", -1, 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := smallBodies().readOne(strings.NewReader(c.body), c.length)
			if c.reason != "" {
				require.Equal(t, c.reason, reasonOf(t, err))
				return
			}
			require.NoError(t, err)
			require.Len(t, text, c.want)
		})
	}
}

func TestABodyThatBreaksOffIsRefused(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(`{"type"`), iotest.ErrReader(errors.New("connection reset")))
	_, err := smallBodies().readOne(broken, -1)
	require.Equal(t, bodyIncomplete, reasonOf(t, err))
}

// TestBuffersAreNotShared: a body must not change when the next request is read.
func TestBuffersAreNotShared(t *testing.T) {
	b := smallBodies()
	read := func(text string) string {
		got, err := b.readOne(strings.NewReader(text), int64(len(text)))
		require.NoError(t, err)
		return got
	}
	first := read(strings.Repeat("a", 100))
	inflated := read(packed(t, strings.Repeat("c", 100)))
	read(strings.Repeat("b", 100))
	read(packed(t, strings.Repeat("d", 100)))
	require.Equal(t, strings.Repeat("a", 100), first)
	require.Equal(t, strings.Repeat("c", 100), inflated)
}

// TestGzipMayLieAboutItsLength: the length that gzip ends with is a hint and no more. Two members in one body are legal.
func TestGzipMayLieAboutItsLength(t *testing.T) {
	two := packed(t, strings.Repeat("a", 3000)) + packed(t, "b")
	text, err := smallBodies().readOne(strings.NewReader(two), -1)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("a", 3000)+"b", text)

	bomb := packed(t, strings.Repeat("a", 500_000)) + packed(t, "b") // says 1 at its end
	_, err = smallBodies().readOne(strings.NewReader(bomb), -1)
	require.Equal(t, bodyTooLarge, reasonOf(t, err))

	b := smallBodies()
	short := []byte(packed(t, strings.Repeat("abc", 100)))
	copy(short[len(short)-4:], "\xff\xff\xff\xff") // 4 GiB, it says
	_, err = b.readOne(strings.NewReader(string(short)), -1)
	require.Equal(t, badGzip, reasonOf(t, err))
	require.Zero(t, b.room.inUse())
}

// noise is text that nothing packs.
func noise(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	random, out := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
	for i := range out {
		out[i] = letters[random.IntN(len(letters))]
	}
	return string(out)
}
