package leads

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"leadstream/schemas"
)

var update = flag.Bool("update", false, "write testdata anew; read the difference before you commit it")

func TestSQLIsAValue(t *testing.T) {
	at := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	low := 50.0
	id := schemas.NewLeadID("demo/ada")
	after := position{at.UnixMilli(), "score", 4633922541587529728, at.UnixMilli(), id.String(), "main", ""}
	questions := map[string]interface{ sql() (string, []any) }{
		"list_bare.sql": listQuery{listParams{Sort: "score", Limit: 100, AsOf: at}},
		"list_full.sql": listQuery{listParams{
			Site: "demo", Track: "main", Stages: []string{"intent", "aware"}, Grades: []string{"A", "B1"}, MinScore: &low, Since: at.Add(-time.Hour),
			Search: "ada", Sort: "score", Limit: 10, AsOf: at, After: &after, WithoutExcluded: true, WithoutClosed: true,
		}},
		"list_last_seen.sql": listQuery{listParams{Sort: "last_seen", Limit: 10, AsOf: at, After: &after}},
		"record.sql":         recordQuery{id, "main", ""},
		"accounts_full.sql": accountQuery{accountParams{
			Site: "demo", Track: "main", Search: "acme", MinScore: &low, Limit: 10, AsOf: at,
			After: &accountPosition{at.UnixMilli(), 4633922541587529728, at.UnixMilli(), 7, ""},
		}},
		"accounts_bare.sql": accountQuery{accountParams{Limit: 100, AsOf: at}},
		"fades.sql":         fadeQuery{[]string{id.String()}},
		"proposals.sql":     pairQuery{"demo", id.String(), 10},
		"people.sql":        personQuery{[]string{id.String()}},
		"deciders.sql":      deciderQuery{"demo", "main", []string{id.String()}},
		"held.sql":          heldQuery{},
		"crowd.sql":         crowdQuery{},
		"timeline.sql":      timelineQuery{"demo", "main", []string{id.String()}, &moment{at.UnixMilli(), 1, "0000000002"}, 50},
		"ledger.sql":        ledgerQuery{"demo", "main", []string{id.String()}, []string{"e1", "e2"}},
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
		file := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err, "run go test ./leads -update")
		require.Equal(t, string(want), b.String())
	}
}
