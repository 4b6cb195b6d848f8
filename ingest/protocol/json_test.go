package protocol

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// corpus is JSON and nearly JSON.
var corpus = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `1.5e-7`, `1E+3`, `true`, `false`, `null`, ` { "a" : [ 1 , 2 ] } `, `{"a":{"b":{"c":[[],{}]}}}`,
	`"a\"b\\c\/d\b\f\n\r\t"`, `"\u00fc\u4e2d"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`, "\"\xff\xfe\"", "\"\xed\xa0\x80\"", `"中文"`, `"\u0000"`,
	``, ` `, `{`, `}`, `[1,]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `'a'`, `01`, `1.`, `.5`, `-`, `+1`, `1e`, `1e+`, `tru`, `nulls`, `"abc`, `"\x"`, `"\u12"`, `"\u12g4"`,
	"\"a\nb\"", "\"a\x00b\"", `[1 2]`, `{"a":1 "b":2}`, `1 2`, `{"a":1}]`, "\ufeff{}", `{"a":1,"a":2}`, `[[[[[[[[[[]]]]]]]]]]`, `NaN`, `Infinity`, `0x10`, `1_000`,
}

func valid(text string) bool {
	c := cursor{s: text}
	return c.skip() == nil && c.end() == nil
}

// value rebuilds a value by the cursor's own parts, for comparison with encoding/json.
func value(t *testing.T, c *cursor) any {
	switch c.peek() {
	case '{':
		out := map[string]any{}
		require.NoError(t, c.object(func(name string) error {
			out[name] = value(t, c)
			return nil
		}))
		return out
	case '[':
		out := []any{}
		require.NoError(t, c.array(func() error {
			out = append(out, value(t, c))
			return nil
		}))
		return out
	case '"':
		text, err := c.text()
		require.NoError(t, err)
		return text
	}
	raw, err := c.raw()
	require.NoError(t, err)
	switch raw {
	case "true", "false":
		return raw == "true"
	case "null":
		return nil
	}
	return json.Number(raw)
}

func sameAsEncodingJSON(t *testing.T, text string) {
	require.Equal(t, json.Valid([]byte(text)), valid(text), "%q", text)
	if !json.Valid([]byte(text)) {
		return
	}
	c := cursor{s: text}
	got := value(t, &c)
	var want any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&want))
	require.True(t, reflect.DeepEqual(want, got), "%q: want %#v, got %#v", text, want, got)
}

func TestTheCursorAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range corpus {
		sameAsEncodingJSON(t, text)
	}
}

func FuzzJSON(f *testing.F) {
	for _, text := range corpus {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "{")+strings.Count(text, "[") > 500 {
			return // the helper above recurses; depth has its own test
		}
		sameAsEncodingJSON(t, text)
		if !valid(text) {
			return
		}
		out, deepest := compact(text)
		require.True(t, json.Valid(out), "%q -> %q", text, out)
		require.True(t, utf8.Valid(out), "%q -> %q", text, out)
		require.GreaterOrEqual(t, deepest, 0)
		again, same := compact(string(out))
		require.Equal(t, string(out), string(again), "compact twice is compact once")
		require.Equal(t, deepest, same)
	})
}

func TestDepthIsBounded(t *testing.T) {
	require.True(t, valid(strings.Repeat("[", 9999)+strings.Repeat("]", 9999)))
	require.False(t, valid(strings.Repeat("[", 20000)+strings.Repeat("]", 20000)))
	require.False(t, valid(strings.Repeat(`{"a":`, 5_000_000)), "a body of nothing but brackets must not end the process")
}

func TestCompactKeepsWhatWasWritten(t *testing.T) {
	for _, c := range [][2]string{
		{`{ "a" : 1 ,` + "\n\t" + `"b":[ true , null ] }`, `{"a":1,"b":[true,null]}`},
		{`{"a":1.10,"b":1e5,"c":-0,"d":55459717045641545}`, `{"a":1.10,"b":1e5,"c":-0,"d":55459717045641545}`},
		{`{"max":18446744073709551615,"min":-9223372036854775808}`, `{"max":18446744073709551615,"min":-9223372036854775808}`},
		{`{"over":18446744073709551616,"under":-9223372036854775809}`, `{"over":"18446744073709551616","under":"-9223372036854775809"}`},
		{`[1e999,-1e999,1e308,1e-999]`, `["1e999","-1e999",1e308,1e-999]`},
		{`"a\u0000b\\u0000"`, `"ab\\u0000"`},
		{`"\ud83d\ude00 \ud83d \u00fc"`, `"\ud83d\ude00 ` + "\uFFFD" + ` \u00fc"`},
		{"\"x\xffy\xed\xa0\x80\"", "\"x\uFFFDy\uFFFD\uFFFD\uFFFD\""},
		{`"  spaces  stay  "`, `"  spaces  stay  "`},
	} {
		require.True(t, valid(c[0]), c[0])
		out, _ := compact(c[0])
		require.Equal(t, c[1], string(out))
	}
}

func TestTextTakesScalarsAndNothingElse(t *testing.T) {
	for text, want := range map[string]string{
		`"a"`: "a", `12`: "12", `1.50`: "1.50", `true`: "true", `null`: "", `{"a":1}`: "", `[1]`: "", `"\u00fc"`: "ü", "\"\xff\"": "\uFFFD", `55459717045641545`: "55459717045641545",
	} {
		c := cursor{s: text + ","}
		got, err := c.text()
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, byte(','), c.peek(), "the value is passed")
	}
}

func TestErrorsSayWhere(t *testing.T) {
	_, err := Native(Request{Body: `{"events":[{"type":"page",}]}`, Limits: Limits{10, 1000}})
	require.EqualError(t, err, `bad_json: the body is not JSON of this protocol: it has '}' at byte 26 where a name should be`)
	_, err = Native(Request{Body: `{"events":[{"type":"page"`, Limits: Limits{10, 1000}})
	require.ErrorContains(t, err, "ends too early")
}

func BenchmarkCursor(b *testing.B) {
	text := string(bytes.Repeat([]byte(`{"event":"Demo Requested","properties":{"plan":"pro","price":49.90,"tags":["a","b"]},"n":12345},`), 12))
	text = "[" + strings.TrimSuffix(text, ",") + "]"
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if !valid(text) {
				b.Fatal("not valid")
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		body := []byte(text)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if !json.Valid(body) {
				b.Fatal("not valid")
			}
		}
	})
}
