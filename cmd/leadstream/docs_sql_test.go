package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// docs/sql.md promises thirty examples, each with a title in both languages and one query, which TestDocumentsRun runs.
func TestThirtyQueriesInTwoLanguages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "sql.md"))
	require.NoError(t, err)
	parts := regexp.MustCompile(`(?m)^### `).Split(string(text), -1)[1:]
	require.GreaterOrEqual(t, len(parts), 30)
	for _, part := range parts {
		title, body, _ := strings.Cut(part, "\n")
		english, chinese, both := strings.Cut(title, " / ")
		require.True(t, both, title)
		require.NotEmpty(t, english)
		require.True(t, strings.ContainsFunc(chinese, func(r rune) bool { return unicode.Is(unicode.Han, r) }), title)
		require.Equal(t, 1, strings.Count(body, "\n```sql"), title)
	}
}
