package embedded

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// helloPacket is a native greeting of revision 54460.
func helloPacket(database, user, password string) []byte {
	out := []byte{0}
	text := func(s string) { out = append(binary.AppendUvarint(out, uint64(len(s))), s...) }
	text("test client")
	for _, number := range []uint64{2, 50, 54460} {
		out = binary.AppendUvarint(out, number)
	}
	text(database)
	text(user)
	text(password)
	return out
}

// moment is for an answer that nobody looks at; patience for one that must come.
const (
	moment   = 100 * time.Millisecond
	patience = time.Minute
)

// say opens a connection, sends bytes and returns what comes back until the server hangs up, or for so long.
func say(t *testing.T, addr string, packet []byte, linger int, wait time.Duration) []byte {
	t.Helper()
	conn := send(t, addr, packet, linger)
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(wait)))
	answer, _ := io.ReadAll(conn)
	return answer
}

func send(t *testing.T, addr string, packet []byte, linger int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = conn.Write(packet)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).SetLinger(linger))
	return conn
}

// Each of these ends an unguarded libchdb.
func TestNoGreetingEndsTheServer(t *testing.T) {
	server := startTest(t, testConfig(t))
	pid := server.PID()
	const polite, abrupt = -1, 0
	for name, packet := range map[string][]byte{
		"noise":             []byte("\x99\x98noise"),
		"HTTP":              []byte("GET / HTTP/1.1\r\n\r\n"),
		"half a greeting":   helloPacket("default", "default", "")[:9],
		"a huge field":      {0, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"an unknown user":   helloPacket("default", "nobody", ""),
		"a wrong password":  helloPacket("default", "default", "wrong"),
		"no such database":  helloPacket("not_there", "default", ""),
		"nothing":           nil,
		"an internal user":  helloPacket("", " INTERSERVER SECRET ", ""),
		"a fitting visitor": append(helloPacket("default", "default", ""), 0),
	} {
		for _, linger := range []int{polite, abrupt} {
			say(t, server.Addr(), packet, linger, moment)
			_, err := server.query(t.Context(), "SELECT 1")
			require.NoError(t, err, name)
		}
	}
	say(t, server.HTTPAddr(), []byte("\x99noise\r\n\r\n"), polite, moment)
	say(t, server.HTTPAddr(), []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nSELE"), abrupt, moment)
	require.Equal(t, "1", ask(t, server, "SELECT 1"))
	require.Equal(t, pid, server.PID())
	require.Zero(t, server.Restarts())
}

// The client hears what a real server would have told it.
func TestARefusedGreetingIsAnsweredInTheProtocol(t *testing.T) {
	server := startTest(t, testConfig(t))
	for name, tc := range map[string]struct {
		packet []byte
		code   uint32
		text   string
	}{
		"database": {helloPacket("not_there", "default", ""), 81, "DB::Exception: Database not_there does not exist"},
		"user":     {helloPacket("default", "nobody", ""), 516, "DB::Exception: nobody: Authentication failed"},
	} {
		answer := say(t, server.Addr(), tc.packet, -1, patience)
		require.Greater(t, len(answer), 5, name)
		require.EqualValues(t, 2, answer[0], name)
		require.Equal(t, tc.code, binary.LittleEndian.Uint32(answer[1:]), name)
		require.Contains(t, string(answer), tc.text, name)
		require.NotContains(t, string(answer), "(version", name)
	}
	conn := send(t, server.Addr(), append(helloPacket("default", "default", ""), 0), -1)
	defer conn.Close()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	accepted := make([]byte, 512) // the server keeps the connection: its greeting is one packet
	n, err := conn.Read(accepted)
	require.NoError(t, err)
	accepted = accepted[:n]
	require.NotEmpty(t, accepted)
	require.Zero(t, accepted[0], "the server's own greeting")
	require.Contains(t, string(accepted), "ClickHouse")
}

func TestHTTPGoesThroughTheGuard(t *testing.T) {
	server := startTest(t, testConfig(t))
	base := "http://" + server.HTTPAddr() + "/"
	resp, err := http.Post(base+"?"+url.Values{"query": {"SELECT sum(number) FROM numbers(1000000)"}}.Encode(), "", nil)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "499999500000\n", string(body))
	require.NoError(t, resp.Body.Close())

	resp, err = http.Get(base + "?database=not_there&query=SELECT+1")
	require.NoError(t, err)
	require.Equal(t, "81", resp.Header.Get("X-ClickHouse-Exception-Code"))
	require.NoError(t, resp.Body.Close())

	big := bytes.Repeat([]byte("7\n"), 1<<20)
	ask(t, server, "CREATE TABLE big (x Int8) ENGINE = MergeTree ORDER BY x")
	resp, err = http.Post(base+"?"+url.Values{"query": {"INSERT INTO big FORMAT TSV"}}.Encode(), "", bytes.NewReader(big))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "1048576", ask(t, server, "SELECT count() FROM big"))
}

// Clients that stay connected, or sit in the middle of a query, do not hold up a stop.
func TestStopDoesNotWaitForClients(t *testing.T) {
	cfg := testConfig(t)
	server := startTest(t, cfg)
	conn, err := net.Dial("tcp", server.Addr())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write(append(helloPacket("default", "default", ""), 0))
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, server.Stop(t.Context()), "and it was clean, not a kill after the grace period")
	_, err = io.Copy(io.Discard, conn)
	require.True(t, err == nil || strings.Contains(err.Error(), "reset"), "the connection is closed")
	require.NoError(t, CheckPort(server.Addr(), "--x"), "the port is free again")
}

// While the server is being started again the guard stays; its clients are told to come back.
func TestTheGuardOutlivesACrash(t *testing.T) {
	server := startTest(t, testConfig(t))
	server.current().kill()
	resp, err := http.Get("http://" + server.HTTPAddr() + "/?query=SELECT+1")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	eventually(t, "the server is back behind the same ports", func() bool {
		resp, err := http.Get("http://" + server.HTTPAddr() + "/?query=SELECT+1")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func FuzzReadHello(f *testing.F) {
	f.Add(helloPacket("a", "b", "c"))
	f.Add([]byte{0, 3, 'a', 'b'})
	f.Fuzz(func(t *testing.T, packet []byte) {
		hello, err := readHello(bufio.NewReader(bytes.NewReader(packet)))
		if err == nil {
			require.True(t, bytes.HasPrefix(packet, hello.raw), "what is passed on is what came")
		}
	})
}
