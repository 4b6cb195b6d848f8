package protocol

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type lzVector struct{ Text, Packed string }

// lzVectors were made by the npm package lz-string 1.5.0.
func lzVectors(t testing.TB) (list []lzVector) {
	t.Helper()
	text, err := os.ReadFile("testdata/lzstring/vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &list))
	require.NotEmpty(t, list)
	return list
}

func TestLZStringReadsWhatItsOwnLibraryWrote(t *testing.T) {
	for _, v := range lzVectors(t) {
		text, ok := lzStringBase64(strings.TrimRight(v.Packed, "="))
		require.True(t, ok, v.Text)
		require.Equal(t, v.Text, text)
		if len(v.Text) > 10 {
			packed, err := base64.RawStdEncoding.DecodeString(v.Packed[:len(v.Packed)/8*4])
			require.NoError(t, err)
			_, ok = lzString(packed, 1<<20)
			require.False(t, ok, "half a text is none: %s", v.Text)
			_, ok = lzString(packed, 1)
			require.False(t, ok, "longer than the limit: %s", v.Text)
		}
	}
}

// TestABombIsStoppedAtItsLimit: each code writes a phrase one longer than the last; 70 kB of them would make gigabytes.
func TestABombIsStoppedAtItsLimit(t *testing.T) {
	bomb := make([]byte, 0, 70<<10)
	var room, width, next uint64 = 3, 3, 4
	var acc []byte
	push := func(v, n uint64) {
		for i := range n {
			acc = append(acc, byte(v>>i&1))
		}
	}
	push(0, 2)
	push('a', 8)
	push(4, 3)
	for next = 5; len(acc) < cap(bomb)*8; next++ {
		if room--; room == 0 {
			room = 1 << width
			width++
		}
		push(next, width)
	}
	for i := 0; i+8 <= len(acc); i += 8 {
		var b byte
		for _, bit := range acc[i : i+8] {
			b = b<<1 | bit
		}
		bomb = append(bomb, b)
	}
	_, ok := lzString(bomb, 1<<20)
	require.False(t, ok)
}

func TestEveryWrappingIsUndone(t *testing.T) {
	plain := `[{"event":"x","properties":{"distinct_id":"ü+/?"}}]`
	b64 := base64.StdEncoding.EncodeToString([]byte(plain))
	for _, body := range []string{
		plain, " \n" + plain, b64, strings.TrimRight(b64, "="), base64.URLEncoding.EncodeToString([]byte(plain)),
		"data=" + url.QueryEscape(b64), "data=" + b64, "data=" + url.QueryEscape(plain), "ip=1&ver=1.2&data=" + url.QueryEscape(b64) + "&verbose=1",
	} {
		text, err := unpack(Request{Body: body})
		require.NoError(t, err, body)
		require.JSONEq(t, plain, text)
	}
	text, err := unpack(Request{Query: url.Values{"data": {b64}}})
	require.NoError(t, err)
	require.Equal(t, plain, text)
	for _, v := range lzVectors(t) {
		if isJSON(v.Text) {
			text, err := unpack(Request{Body: "data=" + url.QueryEscape(v.Packed)})
			require.NoError(t, err)
			require.Equal(t, v.Text, text)
		}
	}
	for body, want := range map[string]Reason{"": NoEvents, "data=": NoEvents, "hello there": BadJSON, "data=%zz": BadJSON, "!!!": BadJSON, "AAAA": BadJSON} {
		_, err := unpack(Request{Body: body})
		require.ErrorContains(t, err, string(want)+": ", body)
	}
}

func FuzzUnpack(f *testing.F) {
	for _, v := range lzVectors(f) {
		f.Add("data=" + url.QueryEscape(v.Packed))
	}
	f.Add("data=e30%3D")
	f.Fuzz(func(t *testing.T, body string) {
		text, err := unpack(Request{Body: body})
		require.Equal(t, err == nil, text != "")
		if err == nil {
			require.True(t, isJSON(text))
		}
	})
}
