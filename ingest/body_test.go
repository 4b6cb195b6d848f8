package ingest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
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
			text, err := smallBodies().read(&http.Request{Body: io.NopCloser(strings.NewReader(c.body)), ContentLength: c.length})
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
	_, err := smallBodies().read(&http.Request{Body: io.NopCloser(broken), ContentLength: -1})
	require.Equal(t, bodyIncomplete, reasonOf(t, err))
}

// TestBuffersAreNotShared: a body must not change when its buffer serves the next request.
func TestBuffersAreNotShared(t *testing.T) {
	b := smallBodies()
	read := func(text string) string {
		got, err := b.read(&http.Request{Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text))})
		require.NoError(t, err)
		return got
	}
	first := read(strings.Repeat("a", 100))
	inflated := read(packed(t, strings.Repeat("c", 100)))
	read(strings.Repeat("b", 100))
	read(packed(t, strings.Repeat("d", 100)))
	require.Equal(t, strings.Repeat("a", 100), first)
	require.Equal(t, strings.Repeat("c", 100), inflated)

	large := bytes.NewBuffer(make([]byte, 0, keepBelow+1))
	b.release(large)
	require.NotSame(t, large, b.buffer(), "one huge request is not remembered for ever")
}
