package spool

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// golden: go test ./ingest/spool -run Format -golden writes the file anew. For a new format, add a file; the old one stays.
var golden = flag.Bool("golden", false, "write testdata anew")

// TestFormatOneStaysReadable holds the bytes on disk: an upgrade finds what the last release left in its spool, promise 8.
func TestFormatOneStaysReadable(t *testing.T) {
	want := []Record{
		{Topic: "leadstream.events.v1", Key: []byte("shop:anna"), Value: []byte("first"), ReceivedAt: time.UnixMilli(1_790_000_000_001)},
		{Topic: "leadstream.deadletter.v1", Key: nil, Value: []byte{0, 255}, ReceivedAt: time.UnixMilli(1_790_000_000_002)},
		{Topic: "leadstream.events.v1", Key: []byte{}, Value: []byte{}, ReceivedAt: time.UnixMilli(1_790_000_000_003)},
	}
	const salt = 0x1eadf00d
	name := segmentName(41, salt, suffix)
	path := filepath.Join("testdata", "format1", name)
	written := header(41, salt)
	for _, r := range want {
		written = appendFrame(written, r)
	}
	stamp(written[headerSize:], 42, seedOf(salt))
	if *golden {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, written, 0o644))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, kept, written, "the format has changed: raise formatVersion, and keep reading this one")

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), kept, 0o600))
	s, b := openAt(t, dir), &broker{}
	s.drainAll(t, b)
	require.Equal(t, want, b.got)
	s.add(t, "next")
	require.Equal(t, uint64(47), s.durable.Load(), "45 is the new segment, 46 the new record")
}
