package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen opens a TCP port for any of the product's servers. key is the config key that holds the address, so that the
// sentence an operator reads when the port is taken names what to change.
func Listen(addr, key string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", addr)
	if err == nil {
		return l, nil
	}
	mend := fmt.Sprintf("set %s to another host:port in the config file or with --set %s=HOST:PORT", key, key)
	_, port, split := net.SplitHostPort(addr)
	var dns *net.DNSError
	switch {
	case split != nil:
		return nil, fmt.Errorf("%q is not host:port: %s", addr, mend)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %s (%s, on %s) is taken by another process: stop that, or %s: %w", port, key, addr, mend, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %s (%s, on %s) needs rights this user has not: take a port above 1023; %s: %w", port, key, addr, mend, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, &dns):
		return nil, fmt.Errorf("%s (%s) is no address of this machine: %s: %w", addr, key, mend, err)
	}
	return nil, fmt.Errorf("cannot listen on %s (%s): %s: %w", addr, key, mend, err)
}

// IsLoopback tells whether only this machine can reach the address.
func IsLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
