package ingest

import (
	"bufio"
	"bytes"
	"fmt"

	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A load generator that costs little, since it shares the cores with what it measures: prepared bytes into a socket, an answer
// read to its end. The same for all, on the same kind of connections.

// prepared is one prepared request; every event in it gets an id of its own each time, lest repeats be recognised as such.
type prepared struct {
	text []byte
	ids  []int // where the 8 digits of each event's id are
}

const idMark = "ajs-next-1772446530123-"

func prepare(path, body string) *prepared {
	text := []byte(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: collect.acme.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n"+
		"Accept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\nContent-Type: text/plain\r\nOrigin: https://acme.example\r\nReferer: https://acme.example/\r\n"+
		"Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: cross-site\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body))
	r := &prepared{text: text}
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(idMark))
		if i < 0 {
			return r
		}
		at += i + len(idMark)
		r.ids = append(r.ids, at)
	}
}

var lastID atomic.Int64

func (r *prepared) renew() {
	next := lastID.Add(int64(len(r.ids))) - int64(len(r.ids))
	for i, at := range r.ids {
		n := next + int64(i)
		for d := at + 7; d >= at; d-- {
			r.text[d] = byte('0' + n%10)
			n /= 10
		}
	}
}

type caller struct {
	conn net.Conn
	in   *bufio.Reader
	prepared
}

func dial(b *testing.B, addr string, r *prepared) *caller {
	conn, err := net.Dial("tcp", addr)
	require.NoError(b, err)
	return &caller{conn, bufio.NewReader(conn), prepared{slices.Clone(r.text), r.ids}}
}

// call sends the request and reads the answer, which must be a 200.
func (c *caller) call() error {
	c.renew()
	if _, err := c.conn.Write(c.text); err != nil {
		return err
	}
	length := 0
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("answered %s", line)
		}
		if len(line) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(string(value))); err != nil {
				return err
			}
		}
	}
	_, err := c.in.Discard(length)
	return err
}

// closedLoop has each caller send as soon as it was answered, and returns the requests a second of the time after the warm-up.
func closedLoop(b *testing.B, addr string, r *prepared, callers int, warm, measured time.Duration, begin, end func()) float64 {
	var done, stop atomic.Int64
	var group sync.WaitGroup
	for range callers {
		c := dial(b, addr, r)
		group.Go(func() {
			defer c.conn.Close()
			for stop.Load() == 0 {
				if err := c.call(); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	time.Sleep(warm)
	begin()
	from, began := done.Load(), time.Now()
	time.Sleep(measured)
	n, took := done.Load()-from, time.Since(began)
	end()
	stop.Store(1)
	group.Wait()
	return float64(n) / took.Seconds()
}

// openLoop sends at a rate, whatever the answers do, and returns all latencies, counted from when each request was due: a stall
// costs those that could not be sent, too.
func openLoop(b *testing.B, addr string, r *prepared, callers int, rate float64, measured time.Duration) []time.Duration {
	var group sync.WaitGroup
	var mu sync.Mutex
	var all []time.Duration
	began := time.Now().Add(50 * time.Millisecond)
	every := time.Duration(float64(time.Second) * float64(callers) / rate)
	for i := range callers {
		c := dial(b, addr, r)
		group.Go(func() {
			defer c.conn.Close()
			var mine []time.Duration
			for due := began.Add(every * time.Duration(i) / time.Duration(callers)); due.Sub(began) < measured; due = due.Add(every) {
				time.Sleep(time.Until(due))
				if err := c.call(); err != nil {
					b.Error(err)
					return
				}
				mine = append(mine, time.Since(due))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	group.Wait()
	slices.Sort(all)
	return all
}
