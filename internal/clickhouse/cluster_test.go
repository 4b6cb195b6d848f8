package clickhouse

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClusterDatabaseIsReadByTheServer(t *testing.T) {
	conn, _ := openFresh(t)
	sql := clusterDatabase("leads", "main")
	require.Equal(t, "CREATE DATABASE IF NOT EXISTS `leads` ON CLUSTER `main` ENGINE = Replicated('/clickhouse/leadstream/main/leads', '{shard}', '{replica}')", sql)
	rows, err := conn.Query(t.Context(), "EXPLAIN AST "+sql)
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	require.NoError(t, conn.Exec(patient(t.Context()), "SELECT 1"), "the server knows the setting")
	require.NoError(t, catchUp(t.Context(), conn), "with no replicated table")
}

// What cannot be a cluster is refused before anything is written, with all reasons at once.
func TestAClusterThatIsNoneIsRefused(t *testing.T) {
	conn, cfg := openFresh(t)
	cfg.Cluster = "nowhere"
	for _, refuse := range []func() error{
		func() error { return EnsureDatabase(t.Context(), cfg) },
		func() error { _, err := Plan(t.Context(), cfg, os.DirFS("testdata/good")); return err },
	} {
		err := refuse()
		require.ErrorContains(t, err, "was made without --cluster")
		require.ErrorContains(t, err, `knows no cluster "nowhere"`)
		require.ErrorContains(t, err, "has no macro {replica}")
	}
	require.Zero(t, value[uint64](t, conn, countTables))
}

func TestPlanSaysTheStatementsAndWritesNothing(t *testing.T) {
	conn, cfg := openFresh(t)
	plan, err := Plan(t.Context(), cfg, os.DirFS("testdata/good"))
	require.NoError(t, err)
	require.NotEmpty(t, plan)
	require.Zero(t, value[uint64](t, conn, countTables))
	for _, sql := range plan {
		require.NoError(t, conn.Exec(t.Context(), sql))
	}
	_, err = Migrate(t.Context(), conn, os.DirFS("testdata/good"), MigrateOptions{})
	require.NoError(t, err)
	plan, err = Plan(t.Context(), cfg, os.DirFS("testdata/good"))
	require.NoError(t, err)
	require.Empty(t, plan, "all is done")
}
