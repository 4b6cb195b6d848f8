package front

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// reply is an answer in memory: those of collectors are a few hundred bytes.
type reply struct {
	header http.Header
	status int
	body   []byte
	out    []byte
}

func (r *reply) reset() {
	clear(r.header)
	r.status, r.body = 0, r.body[:0]
}

// Header is http.ResponseWriter's.
func (r *reply) Header() http.Header { return r.header }

// WriteHeader is http.ResponseWriter's: the first word counts.
func (r *reply) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write is http.ResponseWriter's.
func (r *reply) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, p...)
	return len(p), nil
}

// text is the answer as it goes over the wire; last says that no other will follow.
func (r *reply) text(last bool) []byte {
	r.WriteHeader(http.StatusOK)
	out := append(r.out[:0], "HTTP/1.1 200 OK\r\nDate: "...)
	if r.status != http.StatusOK {
		out = strconv.AppendInt(out[:len("HTTP/1.1 ")], int64(r.status), 10)
		out = append(append(append(out, ' '), http.StatusText(r.status)...), "\r\nDate: "...)
	}
	out = append(out, now()...)
	out = append(out, "\r\n"...)
	for name, values := range r.header {
		if name == "Content-Length" {
			continue
		}
		for _, value := range values {
			if strings.IndexByte(value, '\r') >= 0 || strings.IndexByte(value, '\n') >= 0 { // whatever a handler repeats, it ends no header
				continue
			}
			out = append(append(append(append(out, name...), ": "...), value...), "\r\n"...)
		}
	}
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		out = append(out, "Content-Length: "...)
		out = append(strconv.AppendInt(out, int64(len(r.body)), 10), "\r\n"...)
	}
	if last {
		out = append(out, "Connection: close\r\n"...)
	}
	r.out = append(append(out, "\r\n"...), r.body...)
	return r.out
}

// date is the header's text, made once a second.
type date struct {
	second int64
	text   string
}

var lastDate atomic.Pointer[date]

func now() string {
	t := time.Now()
	if d := lastDate.Load(); d != nil && d.second == t.Unix() {
		return d.text
	}
	d := &date{t.Unix(), t.UTC().Format(http.TimeFormat)}
	lastDate.Store(d)
	return d.text
}
