package front

import "strings"

// remembered is the last header that was read from a connection. A browser sends the same one with every event of a page, but for
// the length of the body: comparing it costs a fiftieth of reading it. Behind a proxy every request has another, and one look
// at its first bytes that differ is all that it costs.
type remembered struct {
	before string // up to the digits of Content-Length; empty = none
	after  string // from behind them to the end of the header
}

// again tells that buf begins with the remembered header, as far as its body's length, which it returns with the header's.
func (r *remembered) again(buf []byte) (size, length int, ok bool) {
	if r.before == "" || len(buf) < len(r.before)+len(r.after)+1 || string(buf[:len(r.before)]) != r.before {
		return 0, 0, false
	}
	from := len(r.before)
	to := from
	for to < len(buf) && buf[to] >= '0' && buf[to] <= '9' {
		to++
	}
	if length, ok = number(string(buf[from:to])); !ok || !strings.HasPrefix(string(buf[to:min(len(buf), to+len(r.after))]), r.after) {
		return 0, 0, false
	}
	return to + len(r.after), length, true
}
