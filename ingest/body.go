package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"

	"leadstream/ingest/protocol"
)

// bodies reads requests into buffers that are used again. What comes out is a string of its own, so that no event ever
// points into a buffer that the next request overwrites.
type bodies struct {
	raw, inflated int64 // limits
	buffers       sync.Pool
	readers       sync.Pool
}

func newBodies(cfg Config) *bodies {
	return &bodies{
		raw: int64(cfg.MaxBody), inflated: int64(cfg.MaxInflated),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		readers: sync.Pool{New: func() any { return new(gzip.Reader) }},
	}
}

// keepBelow is the largest buffer worth keeping: one 20 MiB request must not be remembered by every processor.
const keepBelow = 1 << 20

// believed is how much memory a Content-Length gets on its word: a header is cheaper to send than the body it speaks of.
const believed = 64 << 10

func (b *bodies) buffer() *bytes.Buffer {
	buf := b.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	return buf
}

func (b *bodies) release(buf *bytes.Buffer) {
	if buf.Cap() <= keepBelow {
		b.buffers.Put(buf)
	}
}

// read returns the body, unpacked if its bytes say gzip. The headers are not asked: posthog-js sends gzip without saying so,
// and proxies unpack and leave the header standing.
func (b *bodies) read(r *http.Request) (string, error) {
	if r.ContentLength > b.raw {
		return "", tooLong(b.raw)
	}
	buf := b.buffer()
	defer b.release(buf)
	if r.ContentLength > 0 {
		buf.Grow(int(min(r.ContentLength, believed)) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(r.Body, b.raw+1))
	if err != nil {
		return "", fault(bodyIncomplete, fmt.Sprintf("the body ended after %d bytes", n))
	}
	if n > b.raw {
		return "", tooLong(b.raw)
	}
	body := buf.Bytes()
	if len(body) > 2 && body[0] == 0x1f && body[1] == 0x8b {
		return b.inflate(body)
	}
	return string(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))), nil
}

// inflate counts while it unpacks: a bomb is stopped at the limit, not after it.
func (b *bodies) inflate(packed []byte) (string, error) {
	zr := b.readers.Get().(*gzip.Reader)
	defer b.readers.Put(zr)
	if err := zr.Reset(bytes.NewReader(packed)); err != nil {
		return "", fault(badGzip, "")
	}
	buf := b.buffer()
	defer b.release(buf)
	n, err := buf.ReadFrom(io.LimitReader(zr, b.inflated+1))
	if n > b.inflated {
		return "", tooLong(b.inflated)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fault(badGzip, "")
	}
	return buf.String(), nil
}

func tooLong(limit int64) *protocol.Fault {
	return fault(bodyTooLarge, fmt.Sprintf("the body is longer than %d bytes", limit))
}
