package embedded

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// CheckPort says in one sentence that addr is taken, and how to change it. flag names the flag (or
// config key) that owns the address.
func CheckPort(addr, flag string) error {
	listener, err := listen(addr, flag)
	if err != nil {
		return err
	}
	return listener.Close()
}

// listen is net.Listen with CheckPort's sentence.
func listen(addr, flag string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if err == nil {
		return listener, nil
	}
	host, port, splitErr := net.SplitHostPort(addr)
	if splitErr != nil {
		return nil, fmt.Errorf("%s: %q is not host:port: %w", flag, addr, splitErr)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %s on %s is taken by another process: stop that process, or choose another port with %s", port, host, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %s on %s needs rights this user does not have: choose a port above 1023 with %s", port, host, flag)
	default:
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address with %s", addr, err, flag)
	}
}

// freePort asks the kernel for a port that nobody has at this moment.
func freePort(host string) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, fmt.Errorf("embedded: no free port on %s: %w", host, err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// resolvePort turns "host:0" into a concrete free port and checks any other.
func resolvePort(addr, flag string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%s: %q is not host:port: %w", flag, addr, err)
	}
	if port != "0" {
		return addr, CheckPort(addr, flag)
	}
	free, err := freePort(host)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(free)), nil
}
