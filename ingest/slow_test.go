package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// raw is a connection on which a test says what it likes.
func (f *fixture) raw(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", f.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	return conn
}

// cutOff reads what is answered until the collector closes; our own deadline of a minute is not that.
func cutOff(t *testing.T, conn net.Conn) string {
	t.Helper()
	said, err := io.ReadAll(conn)
	var timeout net.Error
	require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "still open after a minute")
	return string(said)
}

func impatient(c *Config, _ *Deps) { c.HeaderTimeout, c.ReadTimeout = time.Second, time.Second }

// TestADrippingClientIsCutOff: a header that never ends holds a connection for seconds, not for ever; so does a body.
func TestADrippingClientIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for faults to pass; `make test` runs it")
	}
	_, opts := broker(t)
	f := start(t, opts, impatient)
	drip := func(conn net.Conn) {
		for {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	t.Run("header", func(t *testing.T) {
		conn := f.raw(t)
		_, err := conn.Write([]byte("POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: "))
		require.NoError(t, err)
		go drip(conn)
		cutOff(t, conn)
	})
	t.Run("small body", func(t *testing.T) {
		conn := f.raw(t)
		_, err := conn.Write([]byte("POST /v1/events?key=demo HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n["))
		require.NoError(t, err)
		go drip(conn)
		require.Contains(t, cutOff(t, conn), `{"error":"body_incomplete"`)
	})
	t.Run("large body, after a good start", func(t *testing.T) {
		conn := f.raw(t)
		_, err := fmt.Fprintf(conn, "POST /v1/events?key=demo HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n%s", strings.Repeat(" ", 100<<10))
		require.NoError(t, err)
		go drip(conn)
		require.Contains(t, cutOff(t, conn), `{"error":"body_incomplete"`)
		require.Zero(t, f.bodies.room.inUse())
	})
	t.Run("nothing after the first answer", func(t *testing.T) {
		conn := f.raw(t)
		_, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"))
		require.NoError(t, err)
		require.Contains(t, cutOff(t, conn), "leadstream collectors")
	})
}

// TestALargeBodyOverABadLineIsTaken: it takes longer than read_timeout as a whole, and never falls below the least rate.
func TestALargeBodyOverABadLineIsTaken(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a slow line; `make test` runs it")
	}
	_, opts := broker(t)
	f := start(t, opts, func(c *Config, _ *Deps) { c.HeaderTimeout, c.ReadTimeout = time.Second, 2*time.Second })
	event := `{"type":"page","anonymous_id":"a","event_id":"slow"}`
	const size = 600 << 10
	conn := f.raw(t)
	began := time.Now()
	_, err := fmt.Fprintf(conn, "POST /v1/events?key=demo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", size, event)
	require.NoError(t, err)
	chunk := strings.Repeat(" ", 10<<10)
	for left := size - len(event); left > 0; left -= len(chunk) {
		_, err := conn.Write([]byte(chunk[:min(left, len(chunk))]))
		require.NoError(t, err)
		time.Sleep(50 * time.Millisecond) // about 200 KiB/s
	}
	require.Greater(t, time.Since(began), f.cfg.ReadTimeout)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
	events, _ := stored(t, opts)
	require.Contains(t, events, "slow")
}

// TestHeadersAndAddressesAreBounded: 64 KiB of header and 4 KiB of the server's own slack; what is longer is 431.
func TestHeadersAndAddressesAreBounded(t *testing.T) {
	_, opts := broker(t)
	f := start(t, opts)
	for name, request := range map[string]string{
		"address": "GET /v1/pixel.gif?key=demo&x=" + strings.Repeat("x", 70<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"header":  "GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 70<<10) + "\r\n\r\n",
		"headers": "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Y: z\r\n", 10<<10) + "\r\n",
	} {
		conn := f.raw(t)
		_, _ = conn.Write([]byte(request)) // the collector may close before all is written
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		answer.Body.Close()
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode, name)
	}
	answer, body := f.ask(t, "GET", "/v1/pixel.gif?key=demo&type=page&anonymous_id=a&p.x="+strings.Repeat("x", 20<<10), "")
	require.Equal(t, 200, answer.StatusCode, body)
}
