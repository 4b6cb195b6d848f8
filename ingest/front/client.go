package front

import (
	"io"
	"net"
	"net/http"
	"time"
)

// whole is the most that a request served here has, header and body. It is also what an idle connection costs in memory.
const whole = 8 << 10

// client is one connection and all the memory that its requests share, one after the other.
type client struct {
	front  *Front
	conn   net.Conn
	remote string
	buf    [whole]byte
	n      int // bytes read and not yet served
	due    time.Time

	head    head
	request http.Request
	body    body
	reply   reply
}

func (f *Front) serve(conn net.Conn) {
	c := &client{front: f, conn: conn, remote: conn.RemoteAddr().String()}
	c.head.header, c.reply.header = http.Header{}, http.Header{}
	if !f.add(c) {
		conn.Close()
		return
	}
	ours := c.loop()
	f.remove(c)
	if ours {
		conn.Close()
		return
	}
	f.rest.pass(conn, append([]byte(nil), c.buf[:c.n]...))
}

// loop serves requests until the connection ends, or until one comes that net/http should have: then it returns false.
func (c *client) loop() (ours bool) {
	for {
		if !c.inTime() || c.n == 0 && !c.await() {
			return true
		}
		size, ok := c.head.read(c.buf[:c.n], &c.front.targets, c.front.names)
		if !ok || size > whole || !c.front.cfg.Takes(c.head.target.url.Path) {
			return false
		}
		if c.n < size && !c.rest(size) {
			return true
		}
		keep := c.answer(c.buf[c.head.size:size])
		c.n = copy(c.buf[:], c.buf[size:c.n]) // what the client sent behind it without waiting
		if !keep {
			return true
		}
	}
}

// inTime sets deadlines, and moves them only when they have come 10 s nearer: moving one costs as much as reading a header, and
// Idle need not be exact.
func (c *client) inTime() bool {
	now := time.Now()
	if c.due.Sub(now) >= c.front.cfg.Idle-10*time.Second {
		return true
	}
	c.due = now.Add(c.front.cfg.Idle)
	return c.conn.SetReadDeadline(c.due) == nil && c.conn.SetWriteDeadline(c.due.Add(c.front.cfg.Write)) == nil
}

// await waits for a first byte.
func (c *client) await() bool {
	if c.front.closing.Load() { // after the deadline was set: Shutdown sets its own after it has said so
		return false
	}
	n, err := c.conn.Read(c.buf[:])
	c.n = n
	return n > 0 && (err == nil || err == io.EOF)
}

// rest reads what is missing of a body.
func (c *client) rest(size int) bool {
	c.due = time.Time{} // whatever comes of it, the next await sets its own
	if c.conn.SetReadDeadline(time.Now().Add(c.front.cfg.Body)) != nil || c.front.closing.Load() {
		return false
	}
	n, err := io.ReadAtLeast(c.conn, c.buf[c.n:], size-c.n)
	c.n += n
	return err == nil
}

// answer calls the handler and writes what it said, in one piece.
func (c *client) answer(content []byte) (keep bool) {
	c.body.left = content
	c.request = http.Request{
		Method: http.MethodPost, URL: c.head.target.url, RequestURI: c.head.target.text, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: c.head.header, Host: c.head.host, ContentLength: int64(len(content)), Body: &c.body, RemoteAddr: c.remote,
	}
	c.reply.reset()
	c.front.cfg.Handler.ServeHTTP(&c.reply, &c.request)
	closing := c.front.closing.Load()
	_, err := c.conn.Write(c.reply.text(closing))
	return err == nil && !closing
}

// body is a request's body in the connection's buffer.
type body struct{ left []byte }

func (b *body) Read(p []byte) (int, error) {
	n := copy(p, b.left)
	b.left = b.left[n:]
	if len(b.left) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func (b *body) Close() error { return nil }
