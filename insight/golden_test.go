package insight

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata anew; read the difference before you commit it")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run go test ./insight -update")
	require.Equal(t, string(want), got)
}

func TestSQLIsAValue(t *testing.T) {
	questions := map[string]interface{ sql() (string, []any) }{
		"stage_counts.sql":       stageCounts{scope()},
		"stage_counts_all.sql":   stageCounts{Scope{Stages: path, At: now}},
		"won_deals.sql":          wonDeals{scope()},
		"won_deals_all_site.sql": wonDeals{Scope{Stages: path, At: now}},
	}
	for name, q := range questions {
		text, args := q.sql()
		var b strings.Builder
		b.WriteString(text + ";\n")
		for _, arg := range args {
			named, ok := arg.(driver.NamedValue)
			require.True(t, ok, "every value is sent as a parameter of the server")
			fmt.Fprintf(&b, "-- %s = %v\n", named.Name, named.Value)
			require.Contains(t, text, "{"+named.Name+":", "%s: a parameter that the text does not use", name)
		}
		golden(t, name, b.String())
	}
}
