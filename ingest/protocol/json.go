package protocol

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// cursor walks over JSON text once, checking the grammar of everything it passes, and hands out pieces of the text itself.
// It exists because the collector's price per event is mostly this walk: encoding/json into a map costs four times as much,
// and loses what must be kept (numbers as they were written). FuzzJSON holds it to encoding/json, bit for bit.
type cursor struct {
	s     string
	i     int
	depth int
}

// maxDepth is encoding/json's bound, against a body of nothing but brackets.
const maxDepth = 10000

var (
	errEnd   = errors.New("ends too early")
	errDepth = errors.New("is nested too deeply")
)

func (c *cursor) unexpected(want string) error {
	if c.i >= len(c.s) {
		return errEnd
	}
	return fmt.Errorf("has %q at byte %d where %s should be", c.s[c.i], c.i, want)
}

// peek passes white space and returns the next byte, 0 at the end.
func (c *cursor) peek() byte {
	for c.i < len(c.s) {
		switch b := c.s[c.i]; b {
		case ' ', '\t', '\n', '\r':
			c.i++
		default:
			return b
		}
	}
	return 0
}

// end reports whether only white space is left.
func (c *cursor) end() error {
	if c.peek(); c.i < len(c.s) {
		return c.unexpected("the end")
	}
	return nil
}

// object calls member for each name, with the cursor on the value, which member must pass.
func (c *cursor) object(member func(name string) error) error {
	if c.peek() != '{' {
		return c.unexpected("an object")
	}
	return c.list('}', func() error {
		if c.peek() != '"' {
			return c.unexpected("a name")
		}
		name, err := c.text()
		if err != nil {
			return err
		}
		if c.peek() != ':' {
			return c.unexpected("a colon")
		}
		c.i++
		return member(name)
	})
}

// array calls item for each element, with the cursor on the value, which item must pass.
func (c *cursor) array(item func() error) error {
	if c.peek() != '[' {
		return c.unexpected("a list")
	}
	return c.list(']', item)
}

// list walks comma separated entries from the opening bracket to the closing one.
func (c *cursor) list(closing byte, entry func() error) error {
	c.i++
	if c.depth++; c.depth > maxDepth {
		return errDepth
	}
	if c.peek() == closing {
		c.i++
		c.depth--
		return nil
	}
	for {
		if err := entry(); err != nil {
			return err
		}
		switch c.peek() {
		case ',':
			c.i++
		case closing:
			c.i++
			c.depth--
			return nil
		default:
			return c.unexpected("a comma or the closing " + string(closing))
		}
	}
}

// raw passes any value and returns its text.
func (c *cursor) raw() (string, error) {
	c.peek()
	start := c.i
	err := c.skip()
	return c.s[start:c.i], err
}

// skip passes any value.
func (c *cursor) skip() error {
	switch b := c.peek(); {
	case b == '"':
		_, _, err := c.quoted()
		return err
	case b == '{':
		return c.list('}', func() error {
			if c.peek() != '"' {
				return c.unexpected("a name")
			}
			if _, _, err := c.quoted(); err != nil {
				return err
			}
			if c.peek() != ':' {
				return c.unexpected("a colon")
			}
			c.i++
			return c.skip()
		})
	case b == '[':
		return c.list(']', c.skip)
	case b == '-' || b >= '0' && b <= '9':
		return c.number()
	case b == 't':
		return c.word("true")
	case b == 'f':
		return c.word("false")
	case b == 'n':
		return c.word("null")
	}
	return c.unexpected("a value")
}

func (c *cursor) word(w string) error {
	for j := range len(w) {
		if c.i >= len(c.s) || c.s[c.i] != w[j] {
			return c.unexpected(w)
		}
		c.i++
	}
	return nil
}

// number passes -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
func (c *cursor) number() error {
	if c.at('-') {
		c.i++
	}
	if c.at('0') {
		c.i++
	} else if err := c.digits(); err != nil {
		return err
	}
	if c.at('.') {
		c.i++
		if err := c.digits(); err != nil {
			return err
		}
	}
	if c.at('e') || c.at('E') {
		c.i++
		if c.at('+') || c.at('-') {
			c.i++
		}
		return c.digits()
	}
	return nil
}

func (c *cursor) at(b byte) bool { return c.i < len(c.s) && c.s[c.i] == b }

func (c *cursor) digits() error {
	start := c.i
	for c.i < len(c.s) && c.s[c.i] >= '0' && c.s[c.i] <= '9' {
		c.i++
	}
	if c.i == start {
		return c.unexpected("a digit")
	}
	return nil
}

// In each byte of a word: a one, and the bit that plain ASCII does not have.
const (
	ones     = 0x0101010101010101
	highBits = 0x80 * ones
)

// endsText tells whether one of eight bytes is a quote, a backslash or a control character: a byte below n borrows from its high
// bit when n is taken away, and x is zero where it is the byte looked for (Lamport, "Multiple Byte Processing with Full-Word
// Instructions", CACM 18(8), 1975).
func endsText(word uint64) bool {
	quote, backslash := word^('"'*ones), word^('\\'*ones)
	return ((word-' '*ones)&^word|(quote-ones)&^quote|(backslash-ones)&^backslash)&highBits != 0
}

// quoted passes a string and returns what is between its quotes, and whether that is the string's value as it stands.
func (c *cursor) quoted() (inner string, plain bool, err error) {
	c.i++
	start, high := c.i, uint64(0)
	plain = true
	for {
		s, i := c.s, c.i // in registers: these loops pass most of the bytes of a request
		for i+8 <= len(s) {
			eight := s[i : i+8]
			word := uint64(eight[0]) | uint64(eight[1])<<8 | uint64(eight[2])<<16 | uint64(eight[3])<<24 |
				uint64(eight[4])<<32 | uint64(eight[5])<<40 | uint64(eight[6])<<48 | uint64(eight[7])<<56 // one load
			if endsText(word) {
				break
			}
			high |= word
			i += 8
		}
		for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' {
			high |= uint64(s[i])
			i++
		}
		c.i = i
		switch {
		case i >= len(s):
			return "", false, errEnd
		case s[i] == '"':
			inner = s[start:i]
			c.i++
			return inner, plain && (high&highBits == 0 || utf8.ValidString(inner)), nil
		case s[i] < ' ':
			return "", false, c.unexpected("an escape")
		}
		plain = false
		if err := c.escape(); err != nil {
			return "", false, err
		}
	}
}

func (c *cursor) escape() error {
	c.i++
	if c.i >= len(c.s) {
		return errEnd
	}
	switch c.s[c.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		c.i++
		return nil
	case 'u':
		c.i++
		for range 4 {
			if c.i >= len(c.s) || !isHex(c.s[c.i]) {
				return c.unexpected("a hexadecimal digit")
			}
			c.i++
		}
		return nil
	}
	return c.unexpected("an escape")
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}
