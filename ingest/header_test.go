package ingest

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryHeaderGetsThrough: header looks a name up as it is written, hence canonically; and package front hands on only the
// headers of the list, so that one that is read and not in it would be missing on the quick way alone.
func TestEveryHeaderGetsThrough(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	read := map[string]bool{"Authorization": true} // by BasicAuth
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`r\.Header\.(?:Get|Values)\("([^"]+)"\)`).FindAllStringSubmatch(string(text), -1) {
			read[http.CanonicalHeaderKey(m[1])] = true
		}
		require.NotRegexp(t, `r\.(?:UserAgent|Referer|Cookie)\(`, string(text), "%s: by header(r, NAME)", file)
		for _, m := range regexp.MustCompile(`(?:header\(r, |r\.Header\[)"([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			require.Equal(t, http.CanonicalHeaderKey(m[1]), m[1], file)
			read[m[1]] = true
		}
	}
	require.ElementsMatch(t, headersRead, slices.Collect(maps.Keys(read)))
}

func TestQueriesAreRememberedWithinBounds(t *testing.T) {
	q := newQueries()
	for range 2 {
		values, err := q.parse("key=demo&x=1")
		require.NoError(t, err)
		require.Equal(t, "demo", values.Get("key"))
	}
	for i := range 3 * mostQueries {
		_, err := q.parse("x=" + strings.Repeat("y", i%200) + strings.Repeat("z", i/200))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(q.known), mostQueries)
	values, err := q.parse("x=1&y=%zz")
	require.Error(t, err)
	require.Equal(t, "1", values.Get("x"))
}
