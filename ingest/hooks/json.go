package hooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"leadstream/ingest/protocol"
)

// decode reads JSON with its numbers as they were written: ids beyond 2^53 are common here, and a float64 would make two
// people one.
func decode(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}

// decodeObject is decode for the bodies of all providers.
func decodeObject(text string) (map[string]any, error) {
	v, err := decode(text)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it must be an object")
	}
	return m, nil
}

// encode writes JSON without escapes that only pages need.
func encode(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte("null") // unreachable: what decode made, tidied
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// at follows names into objects; nil where there is nothing.
func at(v any, path ...string) any {
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// text is a string's value, and a number or boolean as written: ids come quoted or not, even from one provider.
func text(v any, path ...string) string {
	switch v := at(v, path...).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// first is the first text that is there.
func first(v any, paths ...string) string {
	for _, path := range paths {
		if t := text(v, strings.Split(path, ".")...); t != "" {
			return t
		}
	}
	return ""
}

func list(v any, path ...string) []any {
	l, _ := at(v, path...).([]any)
	return l
}

// maxNesting bounds properties as in package protocol: a store that refuses a deep row would stop the line.
const maxNesting = 32

// tidy makes a tree that every reader down the path can take: no NUL, no number that no 64 bits hold (it stays, as text). It
// reports whether the tree is flat enough.
func tidy(v any, depth int) (any, bool) {
	if depth > maxNesting {
		return nil, false
	}
	fits := true
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(strings.ToValidUTF8(v, "\uFFFD"), "\x00", ""), true
	case json.Number:
		return number(v), true
	case []any:
		out := make([]any, len(v))
		for i := range v {
			one, ok := tidy(v[i], depth+1)
			out[i], fits = one, fits && ok
		}
		return out, fits
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			one, ok := tidy(v[name], depth+1)
			out[strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), "\x00", "")], fits = one, fits && ok
		}
		return out, fits
	}
	return v, true
}

func number(n json.Number) any {
	if _, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return n
	}
	if _, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return n
	}
	if _, err := strconv.ParseFloat(n.String(), 64); err == nil && strings.ContainsAny(n.String(), ".eE") {
		return n
	}
	return n.String()
}

// instant reads Unix seconds, Unix milliseconds or RFC 3339.
func instant(text string) protocol.Instant {
	if text == "" {
		return protocol.Instant{}
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return protocol.Instant{Ms: t.UnixMilli(), State: protocol.Known}
	}
	for _, layout := range []string{"2006-01-02T15:04:05-0700", time.DateTime, time.DateOnly} { // Meta's Graph API, SQL, market feeds
		if t, err := time.Parse(layout, text); err == nil {
			return protocol.Instant{Ms: t.UnixMilli(), State: protocol.Known}
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > -1e15 && n < 1e15) {
		return protocol.Instant{State: protocol.Unreadable}
	}
	if n > -1e11 && n < 1e11 { // as milliseconds that would be before 1973
		n *= 1000
	}
	return protocol.Instant{Ms: int64(n), State: protocol.Known}
}
