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

// lzBomb is about so many bytes, each of whose codes writes a phrase one longer than the last.
func lzBomb(size int) []byte {
	var room, width, next uint64 = 3, 3, 5
	var acc []byte
	push := func(v, n uint64) {
		for i := range n {
			acc = append(acc, byte(v>>i&1))
		}
	}
	push(0, 2)
	push('a', 8)
	push(4, 3)
	for ; len(acc) < size*8; next++ {
		push(next, width)
		if room--; room == 0 {
			room = 1 << width
			width++
		}
	}
	push(2, width) // the end: all of it is well-formed
	for len(acc)%8 != 0 {
		acc = append(acc, 0)
	}
	bomb := make([]byte, len(acc)/8)
	for i, bit := range acc {
		bomb[i/8] |= bit << (7 - i%8)
	}
	return bomb
}

// TestABombIsStoppedAtItsLimit: 70 kB of it would make gigabytes, and 5 kB more megabytes than a sender of 5 kB is worth.
func TestABombIsStoppedAtItsLimit(t *testing.T) {
	_, ok := lzString(lzBomb(70<<10), 1<<20)
	require.False(t, ok)

	small := lzBomb(5 << 10)
	text, ok := lzString(small, maxUnpacked)
	require.True(t, ok)
	require.Greater(t, len(text), alwaysUnpacked)
	_, ok = lzStringBase64(base64.RawStdEncoding.EncodeToString(small))
	require.False(t, ok)
	_, ok = lzStringBase64(base64.RawStdEncoding.EncodeToString(lzBomb(1 << 10)))
	require.True(t, ok, "small ones are unpacked whatever they become")
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
