package front

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Config is what a Front is told.
type Config struct {
	Handler http.Handler
	Takes   func(path string) bool // paths whose POSTs the handler answers here; it must not keep the request after its answer, nor write to its header
	Headers []string               // the only ones that the handler gets to see
	Idle    time.Duration          // a connection without a request is closed after this
	Body    time.Duration          // for the rest of a body that did not come with its header
	Write   time.Duration          // for an answer
}

// Front accepts connections and serves them, or passes them on to Rest.
type Front struct {
	cfg     Config
	targets targets
	names   names
	rest    *passed
	closing atomic.Bool

	mu      sync.Mutex
	clients map[*client]struct{}
	gone    chan struct{} // closed when closing and no client is left
}

// New starts nothing.
func New(cfg Config, addr net.Addr) *Front {
	return &Front{
		cfg: cfg, targets: targets{known: map[string]*target{}}, names: newNames(cfg.Headers), clients: map[*client]struct{}{}, gone: make(chan struct{}),
		rest: &passed{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})},
	}
}

// Rest is where net/http gets its connections from. Closing it (http.Server.Shutdown does) makes the front drop what it would
// have passed on.
func (f *Front) Rest() net.Listener { return f.rest }

// Serve accepts until the listener is closed, and returns why it ended.
func (f *Front) Serve(l net.Listener) error {
	pause := time.Duration(0)
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			go f.serve(conn)
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ECONNABORTED):
			pause = min(max(5*time.Millisecond, 2*pause), time.Second) // others will close files
			time.Sleep(pause)
		default:
			return err
		}
	}
}

// Shutdown closes connections that wait for a request, and the others after their answer; the listener is the caller's to close
// before. It returns when all are closed, or cuts the rest off and returns ctx' error.
func (f *Front) Shutdown(ctx context.Context) error {
	f.mu.Lock()
	f.closing.Store(true)
	for c := range f.clients {
		_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the one that waits; a body that is still to come is cut off
	}
	if len(f.clients) == 0 {
		f.end()
	}
	f.mu.Unlock()
	select {
	case <-f.gone:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.clients {
		_ = c.conn.Close()
	}
	return ctx.Err()
}

// end is called with mu held.
func (f *Front) end() {
	select {
	case <-f.gone:
	default:
		close(f.gone)
	}
}

func (f *Front) add(c *client) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing.Load() {
		return false
	}
	f.clients[c] = struct{}{}
	return true
}

func (f *Front) remove(c *client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.clients, c)
	if f.closing.Load() && len(f.clients) == 0 {
		f.end()
	}
}

// passed is a listener whose connections were accepted by the front.
type passed struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *passed) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *passed) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *passed) Addr() net.Addr { return p.addr }

// pass hands a connection over, with what was read of it.
func (p *passed) pass(conn net.Conn, read []byte) {
	if conn.SetDeadline(time.Time{}) != nil {
		conn.Close()
		return
	}
	select {
	case p.conns <- &begun{Conn: conn, read: read}:
	case <-p.closed:
		conn.Close()
	}
}

// begun is a connection whose first bytes have been read.
type begun struct {
	net.Conn
	read []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.read) > 0 {
		n := copy(p, b.read)
		b.read = b.read[n:]
		return n, nil
	}
	return b.Conn.Read(p)
}
