package ingest

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHeadersAreWrittenCanonically: header looks a name up as it is written.
func TestHeadersAreWrittenCanonically(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	uses := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?:header\(r, |\bh\[|Header\[)"([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			require.Equal(t, http.CanonicalHeaderKey(m[1]), m[1], file)
			uses++
		}
	}
	require.Greater(t, uses, 10)
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
