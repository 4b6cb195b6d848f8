package embedded

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// guard stands on the public ports, in front of libchdb. A real server only logs an exception that
// leaves a connection's thread; libchdb aborts the process. Measured on 26.7: a greeting with an
// unknown user or database, a greeting that is cut, noise on the native port, and malformed HTTP each
// end it; once a connection is accepted, no wrong query and no broken connection does. So the guard
// lets in only well-formed HTTP, and native greetings that the server accepts when asked over HTTP.
// Accepted connections are joined in the kernel (splice), so that a row costs nothing more.
type guard struct {
	native, http   net.Listener
	web            *http.Server
	toNative       string // the backend's ports
	toHTTP         string
	greetingPeriod time.Duration

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
	wait   sync.WaitGroup
}

// startGuard listens on the config's public addresses.
func startGuard(cfg ClickHouseConfig, toNative, toHTTP string) (*guard, error) {
	native, err := listen(cfg.Addr, cfg.AddrFlag)
	if err != nil {
		return nil, err
	}
	web, err := listen(cfg.HTTPAddr, cfg.HTTPAddrFlag)
	if err != nil {
		native.Close()
		return nil, err
	}
	g := &guard{native: native, http: web, toNative: toNative, toHTTP: toHTTP, greetingPeriod: 10 * time.Second, open: map[net.Conn]struct{}{}}
	quiet := log.New(io.Discard, "", 0) // a client that goes away is its own affair
	g.web = &http.Server{Handler: g.proxy(quiet), ErrorLog: quiet, ReadHeaderTimeout: g.greetingPeriod}
	g.wait.Go(func() { _ = g.web.Serve(web) })
	g.wait.Go(g.serve)
	return g, nil
}

// proxy passes on HTTP that Go's server has parsed. No idle connections to the backend: one of them
// would hold up its stop, and a request sent into a closing one would be lost.
func (g *guard) proxy(quiet *log.Logger) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: g.toHTTP})
			r.Out.Host = r.In.Host
		},
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		FlushInterval: -1, // rows as they come
		ErrorLog:      quiet,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "the embedded ClickHouse does not answer: "+err.Error(), http.StatusBadGateway)
		},
	}
}

// serve accepts native connections until the listener is closed.
func (g *guard) serve() {
	for {
		conn, err := g.native.Accept()
		if err != nil {
			return
		}
		if g.track(conn) {
			g.wait.Go(func() {
				defer g.drop(conn)
				g.join(conn)
			})
		}
	}
}

// join checks the greeting and then connects the two ends until both are done.
func (g *guard) join(client net.Conn) {
	_ = client.SetDeadline(time.Now().Add(g.greetingPeriod))
	reader := bufio.NewReader(client)
	hello, err := readHello(reader)
	if err != nil {
		return // noise: a real server says nothing to it either
	}
	if refusal := g.check(hello); refusal != nil {
		_, _ = client.Write(refusal.packet())
		return
	}
	server, err := net.Dial("tcp", g.toNative)
	if err != nil {
		return // between a crash and the restart; clients connect anew
	}
	if !g.track(server) {
		return
	}
	defer g.drop(server)
	_ = client.SetDeadline(time.Time{})
	pending, _ := reader.Peek(reader.Buffered())
	if _, err := server.Write(append(hello.raw, pending...)); err != nil {
		return
	}
	up := make(chan struct{})
	go func() {
		defer close(up)
		pipe(server, client)
	}()
	pipe(client, server)
	client.Close() // the server is done: nothing that the client still says has a reader
	<-up
}

// pipe copies until the source ends, and passes the end on.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

// check asks the server itself, over HTTP, where a refusal is an answer and not an abort.
func (g *guard) check(hello greeting) *refusal {
	ctx, cancel := context.WithTimeout(context.Background(), g.greetingPeriod)
	defer cancel()
	asked := url.Values{"query": {"SELECT 1"}}
	if hello.database != "" {
		asked.Set("database", hello.database)
	}
	target := url.URL{Scheme: "http", Host: g.toHTTP, Path: "/", RawQuery: asked.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return &refusal{code: codeBadGateway, message: err.Error()}
	}
	req.Header.Set("X-ClickHouse-User", hello.user)
	req.Header.Set("X-ClickHouse-Key", hello.password)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return &refusal{code: codeBadGateway, message: fmt.Sprintf("the embedded ClickHouse does not answer: %v", err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return readRefusal(resp)
}

// track remembers a connection, so that close can end it.
func (g *guard) track(conn net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		conn.Close()
		return false
	}
	g.open[conn] = struct{}{}
	return true
}

func (g *guard) drop(conn net.Conn) {
	g.mu.Lock()
	delete(g.open, conn)
	g.mu.Unlock()
	conn.Close()
}

// close ends every connection and returns when nothing of the guard runs any more.
func (g *guard) close() {
	g.native.Close()
	g.web.Close()
	g.mu.Lock()
	g.closed = true
	for conn := range g.open {
		conn.Close()
	}
	g.mu.Unlock()
	g.wait.Wait()
}
