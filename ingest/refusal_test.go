package ingest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func valueOf(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	return testutil.ToFloat64(c)
}

// reasons finds the constants of type Reason in a folder's files, by name, and the words they stand for; and how often each
// name is used outside of its declaration and of the table.
func reasons(t *testing.T, folders ...string) (words map[string]string, uses map[string]int) {
	t.Helper()
	words, uses = map[string]string{}, map[string]int{}
	set := token.NewFileSet()
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(set, file, nil, 0)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					if len(n.Values) == 1 && strings.HasSuffix(typeName(n.Type), "Reason") {
						if text, ok := n.Values[0].(*ast.BasicLit); ok {
							words[n.Names[0].Name] = strings.Trim(text.Value, `"`)
							uses[n.Names[0].Name]-- // the declaration is an Ident too
						}
					}
				case *ast.Ident:
					uses[n.Name]++
				}
				return true
			})
		}
	}
	return words, uses
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// TestTheTableOfRefusalsIsWhole holds list and use together: every word that the code can say has a status and a sentence,
// every line of the table is a word that the code says, no two words are one.
func TestTheTableOfRefusalsIsWhole(t *testing.T) {
	words, uses := reasons(t, ".", "protocol", "hooks")
	require.Len(t, refusals, len(words), "one line a word")
	seen := map[string]bool{}
	for name, word := range words {
		require.False(t, seen[word], "two names for %s", word)
		seen[word] = true
		require.Regexp(t, `^[a-z_]+$`, word)
		require.GreaterOrEqual(t, uses[name], 2, "%s stands in the table and is never said", name)
	}
	for reason, r := range refusals {
		require.True(t, seen[string(reason)], "%s is in the table and no constant", reason)
		require.NotEmpty(t, r.says)
		require.NotEmpty(t, http.StatusText(r.status))
		require.Equal(t, r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests, r.retry, "%s: 503 and 429, and only they, ask to come again", reason)
	}
}

func TestMetricsAreWellNamedAndBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := newMetrics(registry, []Site{{Name: "demo"}})
	m.answered("native", 200, time.Now())
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems, "%v", problems)
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		require.True(t, strings.HasPrefix(family.GetName(), "leadstream_ingest_"), family.GetName())
	}
	require.Panics(t, func() { m.note("a word that nobody declared") })
}
