package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

var (
	emptyObject = []byte("{}")
	replacement = []byte(`\ufffd`)
)

// maxDepth is how deep properties may be nested; ClickHouse gives up at about a
// thousand, and nobody's properties are.
const maxDepth = 256

// jsonObject returns what the JSON column can take: an object, {} for nothing.
//
// ClickHouse refuses the whole block for one value that it cannot parse, and
// finding that value costs dozens of inserts. So what any browser may send and
// ClickHouse does not take is mended here: bytes that are no UTF-8 and halves of
// surrogate pairs become U+FFFD, numbers beyond 64 bits become text.
func jsonObject(raw []byte) ([]byte, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return emptyObject, nil
	}
	if raw[0] != '{' {
		return nil, fmt.Errorf("want a JSON object, got %.20q", raw)
	}
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	if !json.Valid(raw) {
		return nil, errors.New("not valid JSON")
	}
	m := mender{in: raw}
	for m.pos < len(raw) {
		if m.step(); m.depth > maxDepth {
			return nil, fmt.Errorf("nested deeper than %d", maxDepth)
		}
	}
	return m.result(), nil
}

// mender walks valid JSON once; nothing is copied unless something is mended.
type mender struct {
	in    []byte
	pos   int
	depth int
	out   []byte
	taken int // in[:taken] is in out
}

func (m *mender) step() {
	switch c := m.in[m.pos]; {
	case c == '"':
		m.text()
	case c == '-' || c >= '0' && c <= '9':
		m.number()
	case c == '{' || c == '[':
		m.depth++
		m.pos++
	case c == '}' || c == ']':
		m.depth--
		m.pos++
	default:
		m.pos++
	}
}

// text passes a string; a surrogate without its other half is replaced.
func (m *mender) text() {
	for m.pos++; m.in[m.pos] != '"'; {
		if m.in[m.pos] != '\\' {
			m.pos++
			continue
		}
		if m.in[m.pos+1] != 'u' {
			m.pos += 2
			continue
		}
		switch unit := hexUnit(m.in[m.pos:]); {
		case unit >= 0xd800 && unit < 0xdc00 && isLow(m.in[m.pos+6:]):
			m.pos += 12
		case unit >= 0xd800 && unit < 0xe000:
			m.replace(6, replacement)
		default:
			m.pos += 6
		}
	}
	m.pos++
}

func isLow(rest []byte) bool {
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return false
	}
	unit := hexUnit(rest)
	return unit >= 0xdc00 && unit < 0xe000
}

// hexUnit reads the four digits of \uXXXX; json.Valid has seen that they are there.
func hexUnit(escape []byte) uint64 {
	unit, _ := strconv.ParseUint(string(escape[2:6]), 16, 32)
	return unit
}

// number passes a number; one that does not fit 64 bits is put in quotes.
func (m *mender) number() {
	end := m.pos + 1
	for end < len(m.in) && bytes.IndexByte([]byte("0123456789+-.eE"), m.in[end]) >= 0 {
		end++
	}
	token := m.in[m.pos:end]
	if fits(token) {
		m.pos = end
		return
	}
	m.replace(len(token), fmt.Appendf(nil, "%q", token))
}

func fits(token []byte) bool {
	if bytes.ContainsAny(token, ".eE") {
		_, err := strconv.ParseFloat(string(token), 64)
		return err == nil
	}
	if len(token) <= 18 { // always within int64
		return true
	}
	_, signed := strconv.ParseInt(string(token), 10, 64)
	_, unsigned := strconv.ParseUint(string(token), 10, 64)
	return signed == nil || unsigned == nil
}

// replace puts other bytes in the place of the next n.
func (m *mender) replace(n int, with []byte) {
	m.out = append(append(m.out, m.in[m.taken:m.pos]...), with...)
	m.pos += n
	m.taken = m.pos
}

func (m *mender) result() []byte {
	if m.out == nil {
		return m.in
	}
	return append(m.out, m.in[m.taken:]...)
}
