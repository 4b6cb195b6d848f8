package privacy

import (
	"bytes"
	"encoding/json"
	"strings"
)

// object cleans a JSON object that decoders have checked. What is not touched stays as it was sent, to the byte: numbers, order,
// names that stand there twice.
func (c *cleaner) object(raw []byte, r root) []byte {
	texts := c.emails && (bytes.IndexByte(raw, '@') >= 0 || bytes.Contains(raw, []byte("%")) || bytes.Contains(raw, []byte(`\u`))) ||
		c.address != "" && bytes.Contains(raw, []byte(c.address))
	if len(raw) == 0 || r.none() && !texts && c.lists.query.none() {
		return raw
	}
	w := walker{cleaner: c, root: r, in: raw, out: make([]byte, 0, len(raw)), texts: texts}
	w.value("", r.allow == nil)
	if len(w.out) <= len("{}") {
		return nil
	}
	return w.out
}

// walker copies JSON from in to out, and leaves out what the root says.
type walker struct {
	*cleaner
	root  root
	in    []byte
	i     int
	out   []byte
	texts bool // strings may hold emails or addresses
}

func (w *walker) value(path string, allowed bool) {
	switch w.peek() {
	case '{':
		w.members(path, allowed)
	case '[':
		w.elements(path, allowed)
	case '"':
		w.text(path)
	default:
		start := w.i
		w.skip()
		w.out = append(w.out, w.in[start:w.i]...)
	}
}

// peek is the next byte that counts.
func (w *walker) peek() byte {
	for w.i < len(w.in) && (w.in[w.i] == ' ' || w.in[w.i] == '\n' || w.in[w.i] == '\t' || w.in[w.i] == '\r') {
		w.i++
	}
	if w.i >= len(w.in) {
		return 0
	}
	return w.in[w.i]
}

func (w *walker) members(path string, allowed bool) {
	w.i++
	w.out = append(w.out, '{')
	begin := len(w.out)
	for c := w.peek(); c != '}' && c != 0; c = w.peek() {
		if c == ',' {
			w.i++
			continue
		}
		name := w.string()
		w.peek()
		w.i++ // the colon
		at := name
		if path != "" {
			at = path + "." + name
		}
		before := len(w.out)
		if before > begin {
			w.out = append(w.out, ',')
		}
		w.out = appendString(w.out, w.cleanName(name))
		w.out = append(w.out, ':')
		if !w.member(at, allowed) {
			w.out = w.out[:before]
		}
	}
	w.i++
	w.out = append(w.out, '}')
}

// member writes the value of a name, and tells whether there is one left.
func (w *walker) member(path string, allowed bool) bool {
	switch w.root.of(path, allowed) {
	case remove:
		w.skip()
		w.removed++
		return false
	case hashIt:
		w.peek()
		start := w.i
		w.skip()
		w.out = appendString(w.out, w.hashed1(w.in[start:w.i]))
		return true
	case keepSome:
		if c := w.peek(); c != '{' && c != '[' {
			w.skip()
			w.removed++
			return false
		}
		before := len(w.out)
		w.value(path, false)
		return len(w.out)-before > len("{}")
	}
	w.value(path, w.root.allow != nil)
	return true
}

// elements have the path of their list. Of a list that is opened for what is allowed in it, only objects are left.
func (w *walker) elements(path string, allowed bool) {
	w.i++
	w.out = append(w.out, '[')
	begin := len(w.out)
	for c := w.peek(); c != ']' && c != 0; c = w.peek() {
		if c == ',' {
			w.i++
			continue
		}
		if !allowed && w.root.allow != nil && c != '{' && c != '[' {
			w.skip()
			w.removed++
			continue
		}
		if len(w.out) > begin {
			w.out = append(w.out, ',')
		}
		w.value(path, allowed)
	}
	w.i++
	w.out = append(w.out, ']')
}

// text copies a string; the tracker's query of the landing page is one of an address, too.
func (w *walker) text(path string) {
	start := w.i
	text := w.string()
	cleaned := text
	if path == "session_campaign" && !w.lists.query.none() {
		cleaned = w.pairs(cleaned)
	}
	if w.texts {
		cleaned = w.cleaner.text(cleaned)
	}
	if cleaned == text {
		w.out = append(w.out, w.in[start:w.i]...)
		return
	}
	w.out = appendString(w.out, cleaned)
}

func (w *walker) cleanName(name string) string {
	if !w.texts {
		return name
	}
	return w.cleaner.text(name)
}

// string reads one.
func (w *walker) string() string {
	start := w.i
	w.skip()
	raw := w.in[start:w.i]
	if bytes.IndexByte(raw, '\\') < 0 && len(raw) >= 2 {
		return string(raw[1 : len(raw)-1])
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "" // unreachable: decoders have checked it
	}
	return text
}

// skip passes one value.
func (w *walker) skip() {
	w.peek()
	depth := 0
	for ; w.i < len(w.in); w.i++ {
		switch c := w.in[w.i]; c {
		case '"':
			for w.i++; w.i < len(w.in) && w.in[w.i] != '"'; w.i++ {
				if w.in[w.i] == '\\' {
					w.i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']', ',', ' ', '\n', '\t', '\r', ':':
			if depth == 0 {
				return
			}
			if c == '}' || c == ']' {
				depth--
			} else {
				continue
			}
		default:
			continue
		}
		if depth == 0 { // after a string, or what closed the value
			w.i = min(w.i+1, len(w.in))
			return
		}
	}
}

// hashed1 is the hash of one value: of what a string says, and of other values as they were sent. An email is hashed as
// emails are.
func (w *walker) hashed1(raw []byte) string {
	w.hashed++
	text := string(raw)
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			text = string(raw) // unreachable, as above
		}
	}
	return w.listed(text)
}

// listed is the hash of a listed text.
func (c *cleaner) listed(text string) string {
	trimmed := strings.TrimSpace(text)
	if from, to, email, ok := findEmail(trimmed); ok && from == 0 && to == len(trimmed) {
		return (&cleaner{Guard: c.Guard}).email(email)
	}
	return "h:" + c.hash(text)
}

// appendString writes a JSON string.
func appendString(out []byte, text string) []byte {
	plain := true
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(out, '"'), text...), '"')
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return append(out, `""`...) // unreachable: a string
	}
	return append(out, quoted...)
}
