package embedded

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	require.EqualError(t, CheckPort(addr, "--ingest-addr"),
		"port "+port+" on 127.0.0.1 is taken by another process: stop that process, or choose another port with --ingest-addr")
	require.NoError(t, listener.Close())
	require.NoError(t, CheckPort(addr, "--ingest-addr"), "a free port, and the check leaves it free")
	require.NoError(t, CheckPort(addr, "--ingest-addr"))
}

func TestCheckPortNamesWhatIsNoAddress(t *testing.T) {
	require.ErrorContains(t, CheckPort("8080", "--ingest-addr"), `--ingest-addr: "8080" is not host:port`)
	require.ErrorContains(t, CheckPort("192.0.2.1:8080", "--ingest-addr"), "cannot listen on 192.0.2.1:8080")
}

func TestResolvePortTakesAFreeOne(t *testing.T) {
	addr, err := resolvePort("127.0.0.1:0", "--x")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	require.NotEqual(t, "0", port)
	require.NoError(t, CheckPort(addr, "--x"))
}
