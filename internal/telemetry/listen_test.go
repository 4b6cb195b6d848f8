package telemetry

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATakenPortIsOneSentenceWithTheKeyAndTheWayOut(t *testing.T) {
	first, err := Listen("127.0.0.1:0", "ingest.listen")
	require.NoError(t, err)
	defer func() { require.NoError(t, first.Close()) }()
	addr := first.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)

	_, err = Listen(addr, "ingest.listen")
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.Equal(t, "port "+port+" (ingest.listen, on "+addr+") is taken by another process: stop that, or set ingest.listen to another host:port "+
		"in the config file or with --set ingest.listen=HOST:PORT: listen tcp "+addr+": bind: address already in use", err.Error())
	require.NotContains(t, err.Error(), "\n")
}

func TestEveryOtherAddressThatCannotBeIsExplained(t *testing.T) {
	for addr, want := range map[string]string{
		"8080":                    `"8080" is not host:port: set k to another`,
		"192.0.2.1:0":             "192.0.2.1:0 (k) is no address of this machine",
		"no-such-host.invalid:80": "no-such-host.invalid:80 (k) is no address of this machine",
		"127.0.0.1:notaport":      "127.0.0.1:notaport (k)",
		"127.0.0.1:70000":         "127.0.0.1:70000 (k)",
	} {
		l, err := Listen(addr, "k")
		if !errors.Is(err, nil) {
			require.Contains(t, err.Error(), want, addr)
			require.Contains(t, err.Error(), "--set k=HOST:PORT", addr)
			require.Equal(t, 1, strings.Count(err.Error(), "\n")+1)
			continue
		}
		_ = l.Close()
		t.Errorf("%s could be listened on", addr)
	}
}

func TestIsLoopback(t *testing.T) {
	for ip, want := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "::1": true, "0.0.0.0": false, "::": false, "10.1.1.1": false} {
		require.Equal(t, want, IsLoopback(&net.TCPAddr{IP: net.ParseIP(ip)}), ip)
	}
	require.False(t, IsLoopback(&net.UnixAddr{Name: "x"}))
}
