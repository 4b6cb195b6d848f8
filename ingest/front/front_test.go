package front

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// served is a front whose handler repeats what it was sent, with net/http behind it that does the same and says so.
type served struct {
	*Front
	addr string
	hold chan struct{} // a request for /hold waits for it
	held atomic.Int64
}

func serve(t *testing.T) *served {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &served{addr: listener.Addr().String(), hold: make(chan struct{})}
	repeat := func(by string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.URL.Path == "/hold" {
				s.held.Add(1)
				<-s.hold
			}
			w.Header()["Content-Type"] = []string{"text/plain"}
			if r.URL.Path == "/none" {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.Header().Set("X-Injected", "a\r\nX-Evil: b")
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, "%s %s %s %s", by, r.URL, r.Header.Get("X-Test"), body)
		}
	}
	s.Front = New(Config{
		Handler: repeat("front"), Headers: []string{"X-Test"}, Takes: func(path string) bool { return path != "/other" }, Idle: time.Minute, Body: time.Minute, Write: time.Minute,
	}, listener.Addr())
	behind := &http.Server{Handler: repeat("net/http")}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	go func() { _ = behind.Serve(s.Rest()) }()
	t.Cleanup(func() {
		listener.Close()
		<-ended
		behind.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
	})
	return s
}

func (s *served) dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn, bufio.NewReader(conn)
}

func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nX-Test: %d\r\nContent-Length: %d\r\n\r\n%s", path, len(body), len(body), body)
}

func answer(t *testing.T, in *bufio.Reader) (*http.Response, string) {
	t.Helper()
	got, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	return got, string(body)
}

func TestRequestsOnOneConnection(t *testing.T) {
	s := serve(t)
	conn, in := s.dial(t)
	send := func(text string) { _, err := io.WriteString(conn, text); require.NoError(t, err) }
	send(post("/a?b=c", "one"))
	got, body := answer(t, in)
	require.Equal(t, "front /a?b=c 3 one", body)
	require.Equal(t, http.StatusAccepted, got.StatusCode)
	require.Equal(t, "text/plain", got.Header.Get("Content-Type"))
	require.Empty(t, got.Header.Get("X-Evil"))
	date, err := http.ParseTime(got.Header.Get("Date"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), date, time.Minute)

	send(post("/none", ""))
	got, body = answer(t, in)
	require.Equal(t, http.StatusNoContent, got.StatusCode)
	require.Empty(t, body)
	require.Empty(t, got.Header.Get("X-Injected"), "nothing is left of the answer before")

	send(post("/a", "1") + post("/b", "22") + post("/c", "333")) // without waiting
	for _, want := range []string{"front /a 1 1", "front /b 2 22", "front /c 3 333"} {
		_, body = answer(t, in)
		require.Equal(t, want, body)
	}
	whole := post("/late", "the body comes later")
	send(whole[:len(whole)-5])
	time.Sleep(10 * time.Millisecond) // so that it mostly is two reads; true either way
	send(whole[len(whole)-5:])
	_, body = answer(t, in)
	require.Equal(t, "front /late 20 the body comes later", body)
}

// TestTheRestIsNetHTTPs: the connection goes over with all that was read of it, and stays there.
func TestTheRestIsNetHTTPs(t *testing.T) {
	s := serve(t)
	for name, text := range map[string]string{
		"a large body":      post("/a", strings.Repeat("x", whole)),
		"chunks":            "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"GET":               "GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
		"a path not taken":  post("/other", "abc"),
		"two without break": post("/other", "abc") + post("/a", "abc"),
	} {
		conn, in := s.dial(t)
		_, err := io.WriteString(conn, post("/first", "x")+text)
		require.NoError(t, err)
		_, body := answer(t, in)
		require.Equal(t, "front /first 1 x", body)
		_, body = answer(t, in)
		require.Contains(t, body, "net/http /", name)
		if strings.Contains(name, "two") {
			_, body = answer(t, in)
			require.Equal(t, "net/http /a 3 abc", body)
		}
	}
	conn, in := s.dial(t)
	_, err := io.WriteString(conn, "rubbish\r\n\r\n")
	require.NoError(t, err)
	got, _ := answer(t, in)
	require.Equal(t, http.StatusBadRequest, got.StatusCode)
}

// TestShutdown: who waits for nothing is closed, who waits for an answer gets it.
func TestShutdown(t *testing.T) {
	s := serve(t)
	idle, in := s.dial(t)
	_, err := io.WriteString(idle, post("/a", "x"))
	require.NoError(t, err)
	answer(t, in)
	busy, wanted := s.dial(t)
	_, err = io.WriteString(busy, post("/hold", "x"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.held.Load() == 1 }, time.Minute, time.Millisecond)

	late, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(late) }()
	_, err = in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	close(s.hold)
	got, body := answer(t, wanted)
	require.Equal(t, "front /hold 1 x", body)
	require.True(t, got.Close)
	require.NoError(t, <-done)
	_, err = wanted.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

func TestShutdownCutsOffWhoTakesTooLong(t *testing.T) {
	s := serve(t)
	busy, _ := s.dial(t)
	_, err := io.WriteString(busy, post("/hold", "x"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.held.Load() == 1 }, time.Minute, time.Millisecond)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Shutdown(gone), context.Canceled)
	_, err = busy.Read(make([]byte, 1))
	require.Error(t, err)
	close(s.hold)
}
