package hooks

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNumbersKeepTheirDigits(t *testing.T) {
	for digits, want := range map[string]any{
		"9007199254740993": 9007199254740993, "-9223372036854775808": math.MinInt64, "18446744073709551616": "18446744073709551616",
		"1.5": 1.5, "1e3": 1000.0, "1e999": "1e999",
	} {
		v, err := decode(digits)
		require.NoError(t, err)
		require.Equal(t, want, native(v), digits)
		require.Equal(t, digits, text(v), "an id is what was written")
	}
	for text, want := range map[string]string{
		`{"a":18446744073709551615}`:   `{"a":18446744073709551615}`,       // 64 bits, unsigned
		`{"a":18446744073709551616}`:   `{"a":"18446744073709551616"}`,     // no 64 bits hold it
		`{"a":1e999}`:                  `{"a":"1e999"}`,                    // nor this
		`{"a":1.10}`:                   `{"a":1.10}`,                       // as written
		`{"a":"x\u0000y","b\u0000":1}`: `{"a":"xy","b":1}`,                 // no NUL, in names neither
		`{"a":"\ud83d","b":"<&>"}`:     "{\"a\":\"\uFFFD\",\"b\":\"<&>\"}", // half a surrogate
	} {
		v, err := decodeObject(text)
		require.NoError(t, err)
		got, fault := properties(v)
		require.Nil(t, fault)
		require.Equal(t, want, string(got))
	}
}

func TestWhatExpressionsGiveIsWrittenPlainly(t *testing.T) {
	for _, c := range []struct {
		given any
		want  string
	}{
		{nil, ""}, {"x", "x"}, {7, "7"}, {true, "true"}, {12500.5, "12500.5"}, {1e15, "1000000000000000"}, {[]any{1, "a"}, `[1,"a"]`},
		{map[string]any{"a": math.NaN()}, `{"a":null}`}, {[]string{"a"}, `["a"]`}, {make(chan int), "null"},
	} {
		require.Equal(t, c.want, written(c.given))
	}
	require.Nil(t, plain(math.Inf(1)))
	require.Equal(t, json.Number("7"), plain(int64(7)))
}

func TestXMLBecomesWhatJSONWouldBe(t *testing.T) {
	for text, want := range map[string]string{
		`<xml><A>1</A><B><![CDATA[<b>]]></B></xml>`:                        `{"A":"1","B":"<b>"}`,
		`<?xml version="1.0"?><!-- c --><xml><A/> <A>2</A><A>3</A></xml> `: `{"A":["","2","3"]}`,
		`<xml><A><B>1</B><C>2</C></A></xml>`:                               `{"A":{"B":"1","C":"2"}}`,
		`<xml><A>&lt;&amp;</A></xml>`:                                      `{"A":"<&"}`,
	} {
		m, err := decodeXML(text)
		require.NoError(t, err, text)
		require.JSONEq(t, want, string(encode(m)))
	}
	for _, broken := range []string{
		"", "x", "<xml>", "<xml></xml>", "<xml>text</xml>", "<xml><A></B></xml>", "<xml><A>1</A></xml><xml><A>1</A></xml>", "<a><b>&x;</b></a>",
		`<!DOCTYPE a [<!ENTITY x "y">]><a><b>&x;</b></a>`, "<xml>" + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + "</xml>",
	} {
		_, err := decodeXML(broken)
		require.Error(t, err, broken)
	}
}

func TestSealedMessagesThatAreNone(t *testing.T) {
	key, err := messageKey("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
	require.NoError(t, err)
	message, app, err := openMessage(key, sealMessage(t, key, "<xml/>", "wx1"))
	require.NoError(t, err)
	require.Equal(t, []string{"<xml/>", "wx1"}, []string{message, app})
	sealed := sealMessage(t, key, strings.Repeat("m", 100), "wx1")
	for _, broken := range []string{"", "!", "AAAA", sealed[4:], sealed[:len(sealed)-4], strings.Repeat("A", 128)} {
		_, _, err := openMessage(key, broken)
		require.Error(t, err, broken)
	}
}
