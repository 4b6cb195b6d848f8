package protocol

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// text returns a string's value. Of other values: a number or a boolean as it is written, because ids and versions arrive
// unquoted; nothing for null, a list or an object, which have no business where text is asked for.
func (c *cursor) text() (string, error) {
	switch c.peek() {
	case '"':
		inner, plain, err := c.quoted()
		if err != nil || plain {
			return inner, err
		}
		return unescape(inner), nil
	case '{', '[', 'n':
		return "", c.skip()
	}
	return c.raw()
}

// unescape resolves escapes; half surrogates and invalid UTF-8 become U+FFFD, as in encoding/json.
func unescape(inner string) string {
	out := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); {
		b := inner[i]
		switch {
		case b == '\\' && inner[i+1] == 'u':
			r, n := escapedRune(inner[i:])
			out = utf8.AppendRune(out, r)
			i += n
		case b == '\\':
			out = append(out, unescaped(inner[i+1]))
			i += 2
		case b < utf8.RuneSelf:
			out = append(out, b)
			i++
		default:
			r, n := utf8.DecodeRuneInString(inner[i:])
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	return string(out)
}

func unescaped(b byte) byte {
	switch b {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return b
}

// escapedRune reads \uXXXX, with its second half when it is a surrogate, and returns how much text that was.
func escapedRune(s string) (rune, int) {
	r := hexRune(s[2:6])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if both := utf16.DecodeRune(r, hexRune(s[8:12])); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, 6
}

func hexRune(digits string) rune {
	n, err := strconv.ParseUint(digits, 16, 16)
	if err != nil {
		return utf8.RuneError // unreachable: the cursor has passed these digits
	}
	return rune(n)
}
