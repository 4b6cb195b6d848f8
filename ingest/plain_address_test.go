package ingest

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlainAddress(t *testing.T) {
	for _, text := range []string{
		"https://www.acme.example", "http://a/", "https://Acme.Example./x", "https://a?utm_source=%zz&b", "https://a.example/b?c?d", "https://a/ü b;c=d/../e//?x=/?", "https://a/?",
	} {
		_, _, _, ok := plainAddress(text)
		require.True(t, ok, text)
		plainAsParsed(t, text)
	}
	for _, text := range []string{
		"", "/a", "//a/b", "HTTPS://a", "ftp://a/", "https://", "https:///a", "https://a:80/", "https://u@a/", "https://u:p@a/", "https://[::1]/", "https://ä/",
		"https://a/%41", "https://a/#b", "https://a/?b#c", "https://a/\x7f", "https://a/\n", "https://a b/", "android-app://a/b", "about:blank",
	} {
		_, _, _, ok := plainAddress(text)
		require.False(t, ok, text)
	}
}

// FuzzPlainAddress: the quick way reads nothing that url.Parse would not, and reads it the same.
func FuzzPlainAddress(f *testing.F) {
	f.Add("https://www.acme.example/pricing?utm_source=x&y=%20#z")
	f.Add("http://a:80/b c%zz?")
	f.Fuzz(plainAsParsed)
}

func plainAsParsed(t *testing.T, text string) {
	host, path, query, ok := plainAddress(text)
	if !ok {
		return
	}
	u, err := url.Parse(text)
	require.NoError(t, err)
	require.Nil(t, u.User)
	require.Empty(t, u.Fragment)
	require.Equal(t, []string{u.Hostname(), u.Path, u.RawQuery}, []string{host, path, query})
}
