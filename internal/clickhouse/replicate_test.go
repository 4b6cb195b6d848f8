package clickhouse

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReplicateChangesEnginesAndWindowsOnly(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain":     {"CREATE TABLE t (x Int8) ENGINE = MergeTree ORDER BY x", "CREATE TABLE t (x Int8) ENGINE = ReplicatedMergeTree ORDER BY x"},
		"version":   {"CREATE TABLE t (x Int8)\nengine=ReplacingMergeTree(x)", "CREATE TABLE t (x Int8)\nengine=ReplicatedReplacingMergeTree(x)"},
		"window":    {"ENGINE = MergeTree SETTINGS non_replicated_deduplication_window = 1000, a = 1", "ENGINE = ReplicatedMergeTree SETTINGS replicated_deduplication_window = 1000, " + replicatedWeek + ", a = 1"},
		"once":      {"CREATE TABLE t ENGINE = ReplicatedMergeTree", "CREATE TABLE t ENGINE = ReplicatedMergeTree"},
		"hidden":    {"ALTER TABLE t MODIFY COMMENT 'ENGINE = MergeTree; it''s' -- ENGINE = Log\n /* ENGINE = Log */", "ALTER TABLE t MODIFY COMMENT 'ENGINE = MergeTree; it''s' -- ENGINE = Log\n /* ENGINE = Log */"},
		"view":      {"CREATE VIEW v AS SELECT $$ENGINE = Log$$ FROM t FINAL", "CREATE VIEW v AS SELECT $$ENGINE = Log$$ FROM t FINAL"},
		"statement": {"INSERT INTO t SELECT engine FROM u WHERE `ENGINE = Log` = 1", "INSERT INTO t SELECT engine FROM u WHERE `ENGINE = Log` = 1"},
	} {
		got, err := replicate(c.in)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	_, err := replicate("CREATE TABLE t (x Int8) ENGINE = Memory")
	require.ErrorContains(t, err, "engine Memory keeps its rows on one node")
}

// Every statement of the real files is one that the real server can read, and no table of them stays on one node.
func TestTheFilesServeACluster(t *testing.T) {
	conn, _ := openFresh(t)
	all, err := readMigrations(os.DirFS("../../schemas/clickhouse"))
	require.NoError(t, err)
	for _, migration := range append(all, Migration{Name: "schema_migrations", statements: []statement{{text: notes}}}) {
		for _, one := range migration.statements {
			text, err := writtenFor(one, migration.Name, true)
			require.NoError(t, err)
			rows, err := conn.Query(t.Context(), "EXPLAIN AST "+text)
			require.NoError(t, err, "%s:%d", migration.Name, one.line)
			require.NoError(t, rows.Close())
			require.NoError(t, rows.Err(), "%s:%d", migration.Name, one.line)
			require.NotContains(t, mask(text), "non_replicated", "%s:%d", migration.Name, one.line)
			if strings.HasPrefix(one.canonical, "CREATE TABLE") {
				require.Contains(t, mask(text), "ENGINE = Replicated", "%s:%d", migration.Name, one.line)
			}
		}
	}
}
