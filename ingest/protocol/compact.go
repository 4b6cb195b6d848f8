package protocol

import (
	"strconv"
	"unicode/utf8"
)

// maxNesting bounds properties and traits: analytical stores refuse a row that goes much deeper, and would stop the line.
const maxNesting = 32

// compactor rewrites a valid JSON value so that every reader down the path can take it: no white space, no NUL, no half
// surrogates, no invalid UTF-8, no number that does not fit 64 bits. All else stays as the sender wrote it.
type compactor struct {
	out     []byte
	depth   int
	deepest int
}

// compact returns the value's bytes and how deep it is nested.
func compact(raw string) ([]byte, int) {
	c := compactor{out: make([]byte, 0, len(raw))}
	for i := 0; i < len(raw); {
		switch b := raw[i]; b {
		case ' ', '\t', '\n', '\r':
			i++
		case '"':
			i = c.quoted(raw, i)
		case '{', '[':
			c.depth++
			c.deepest = max(c.deepest, c.depth)
			c.out = append(c.out, b)
			i++
		case '}', ']':
			c.depth--
			c.out = append(c.out, b)
			i++
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			i = c.number(raw, i)
		default:
			c.out = append(c.out, b)
			i++
		}
	}
	return c.out, c.deepest
}

// quoted copies a string from its opening quote and returns the place after the closing one.
func (c *compactor) quoted(raw string, i int) int {
	start := i
	i++
	for raw[i] != '"' {
		b := raw[i]
		switch {
		case b == '\\' && raw[i+1] == 'u':
			r, n := escapedRune(raw[i:])
			if r == 0 || r == utf8.RuneError {
				c.out = append(c.out, raw[start:i]...)
				if r != 0 {
					c.out = append(c.out, "\uFFFD"...)
				}
				start = i + n
			}
			i += n
		case b == '\\':
			i += 2
		case b < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRuneInString(raw[i:])
			if r == utf8.RuneError && n == 1 {
				c.out = append(append(c.out, raw[start:i]...), "\uFFFD"...)
				start = i + n
			}
			i += n
		}
	}
	c.out = append(c.out, raw[start:i+1]...)
	return i + 1
}

// number copies a number. One that no 64-bit reader can hold becomes a string of the same characters: nothing is rounded,
// and no column of numbers meets 1e999.
func (c *compactor) number(raw string, i int) int {
	start, whole := i, true
	for i < len(raw) {
		b := raw[i]
		if b == '.' || b == 'e' || b == 'E' {
			whole = false
		} else if b != '-' && b != '+' && (b < '0' || b > '9') {
			break
		}
		i++
	}
	digits := raw[start:i]
	if fits(digits, whole) {
		c.out = append(c.out, digits...)
	} else {
		c.out = append(append(append(c.out, '"'), digits...), '"')
	}
	return i
}

func fits(digits string, whole bool) bool {
	if whole {
		if len(digits) <= 18 {
			return true
		}
		_, signed := strconv.ParseInt(digits, 10, 64)
		_, unsigned := strconv.ParseUint(digits, 10, 64)
		return signed == nil || unsigned == nil
	}
	_, err := strconv.ParseFloat(digits, 64)
	return err == nil
}
