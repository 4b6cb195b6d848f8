package scoring

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// wire is what lies between one worker and the broker, and can be cut.
type wire struct {
	addr   string // where the worker dials
	listen net.Listener

	mu    sync.Mutex
	dead  bool // nothing passes; who dials is hung up on
	conns map[net.Conn]bool
}

// newWire leads to the broker's address.
func newWire(t testing.TB, to string) *wire {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{addr: listen.Addr().String(), listen: listen, conns: map[net.Conn]bool{}}
	go func() {
		for {
			near, err := listen.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go w.carry(near, to)
			}
		}
	}()
	t.Cleanup(func() {
		listen.Close()
		w.cut(true)
	})
	return w
}

// carry copies both ways until one end hangs up.
func (w *wire) carry(near net.Conn, to string) {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	w.mu.Lock()
	if w.dead {
		w.mu.Unlock()
		return
	}
	w.conns[near], w.conns[far] = true, true
	w.mu.Unlock()
	go func() {
		_, _ = io.Copy(far, near)
		far.Close()
	}()
	_, _ = io.Copy(near, far)
	w.mu.Lock()
	delete(w.conns, near)
	delete(w.conns, far)
	w.mu.Unlock()
}

// cut hangs up every connection, in the middle of whatever it carries; dead keeps it so.
func (w *wire) cut(dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = dead
	for c := range w.conns {
		c.Close()
	}
}

// dialVia has the client reach every broker by the wire, whatever address the broker gives.
func dialVia(addr string) kgo.Opt {
	return kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	})
}
