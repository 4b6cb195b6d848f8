package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
	"unsafe"

	"github.com/klauspost/compress/gzip"

	"leadstream/ingest/protocol"
)

// bodies reads requests. What comes out is memory of its own and never written again, so that events may be pieces of it.
type bodies struct {
	raw, inflated int64 // limits
	slowest       slowest
	room          *room
	readers       sync.Pool // gzip
}

// slowest is what a sender must at least manage: the first bytes come within grace, the rest at rate. It tells a phone on a
// bad line from somebody who holds connections open with a byte now and then.
type slowest struct {
	grace time.Duration
	rate  int64 // bytes a second
}

func newBodies(cfg Config) *bodies {
	return &bodies{
		raw: int64(cfg.MaxBody), inflated: int64(cfg.MaxInflated), slowest: slowest{grace: cfg.ReadTimeout, rate: 32 << 10},
		room:    newRoom(int64(cfg.MaxInFlight)),
		readers: sync.Pool{New: func() any { return new(gzip.Reader) }},
	}
}

// unsaid is how much memory a body of unknown length begins with.
const unsaid = 4 << 10

// read returns the body, unpacked if its bytes say gzip. The headers are not asked: posthog-js sends gzip without saying so,
// and proxies unpack and leave the header standing.
func (b *bodies) read(w http.ResponseWriter, r *http.Request, h *hold) (string, error) {
	body, err := b.raws(w, r, h)
	if err != nil {
		return "", err
	}
	if len(body) > 2 && body[0] == 0x1f && body[1] == 0x8b {
		if body, err = b.inflate(r, body, h); err != nil {
			return "", err
		}
	}
	return asString(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))), nil
}

// asString saves a copy of every request: nobody writes to the bytes again.
func asString(body []byte) string { return unsafe.String(unsafe.SliceData(body), len(body)) }

// raws reads the body as it came. Its memory grows with what has arrived and not with what a Content-Length says beyond a
// small body: a header is cheaper to send than the body that it speaks of.
func (b *bodies) raws(w http.ResponseWriter, r *http.Request, h *hold) ([]byte, error) {
	h.of = b.room
	if r.ContentLength > b.raw {
		return nil, tooLong(b.raw)
	}
	size := min(b.raw, smallBody, r.ContentLength) + 1 // one more, to see that it ends there
	if r.ContentLength < 0 {
		size = min(b.raw, unsaid) + 1
	}
	buf, err := b.more(r, h, nil, 0, size)
	n, extended := 0, 0
	for err == nil {
		var got int
		got, err = r.Body.Read(buf[n:])
		n += got
		if int64(n) > b.raw {
			return nil, tooLong(b.raw)
		}
		if err != nil {
			break
		}
		if n-extended >= smallBody {
			extended = n
			b.slowest.extend(w, n)
		}
		if n == len(buf) {
			buf, err = b.more(r, h, buf, n, min(b.raw+1, 2*size))
			size = int64(len(buf))
		}
	}
	if err != io.EOF {
		return nil, unreadable(err, fault(bodyIncomplete, fmt.Sprintf("the body ended after %d bytes", n)))
	}
	return buf[:n:n], nil
}

// unreadable is the refusal of a body whose reading ended with err: err's own, or the one for what else can end it.
func unreadable(err error, usual *protocol.Fault) error {
	var no *protocol.Fault
	if errors.As(err, &no) {
		return no
	}
	return usual
}

// more returns a buffer of the size with the first n bytes of the old one in it, when there is room.
func (b *bodies) more(r *http.Request, h *hold, old []byte, n int, size int64) ([]byte, error) {
	if !h.grow(r.Context(), size-int64(len(old))) {
		return nil, fault(noRoom, "")
	}
	buf := make([]byte, size)
	copy(buf, old[:n])
	return buf, nil
}

// extend gives the sender of a large body time for the rest, by what has come: the server's own deadline is for small ones.
func (s slowest) extend(w http.ResponseWriter, n int) {
	due := time.Now().Add(s.grace + time.Duration(int64(n)/s.rate)*time.Second)
	_ = http.NewResponseController(w).SetReadDeadline(due) // a writer that cannot has no connection that could be held open
}

// inflate counts while it unpacks: a bomb is stopped at the limit, not after it. gzip ends with the length of what is in it;
// where that is a lie, the memory still grows only with what comes out.
func (b *bodies) inflate(r *http.Request, packed []byte, h *hold) ([]byte, error) {
	zr := b.readers.Get().(*gzip.Reader)
	defer b.readers.Put(zr)
	if err := zr.Reset(bytes.NewReader(packed)); err != nil {
		return nil, fault(badGzip, "")
	}
	size := int64(binary.LittleEndian.Uint32(packed[len(packed)-4:])) + 1
	if size > b.inflated+1 || size > int64(len(packed))*maxDeflate {
		size = min(b.inflated, unsaid) + 1
	}
	buf, err := b.more(r, h, nil, 0, size)
	n := 0
	for err == nil {
		var got int
		got, err = zr.Read(buf[n:])
		n += got
		if int64(n) > b.inflated {
			return nil, tooLong(b.inflated)
		}
		if err == nil && n == len(buf) {
			buf, err = b.more(r, h, buf, n, min(b.inflated+1, 2*size))
			size = int64(len(buf))
		}
	}
	if err != io.EOF {
		return nil, unreadable(err, fault(badGzip, ""))
	}
	return buf[:n:n], nil
}

// forEvents takes the room for what becomes of a large body before it is given back: decoded events and their records.
func (b *bodies) forEvents(r *http.Request, h *hold, n int) error {
	if n > smallBody && !h.grow(r.Context(), 2*int64(n)) {
		return fault(noRoom, "")
	}
	return nil
}

// maxDeflate is the most that a byte of deflate can become (RFC 1951: 258 bytes for two bits).
const maxDeflate = 1032

func tooLong(limit int64) *protocol.Fault {
	return fault(bodyTooLarge, fmt.Sprintf("the body is longer than %d bytes", limit))
}
