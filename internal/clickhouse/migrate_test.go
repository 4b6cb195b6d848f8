package clickhouse

import (
	"context"
	"os"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"leadstream/internal/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// openFresh connects to a new, empty database.
func openFresh(t *testing.T) (Conn, Config) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Addr = embeddedtest.ClickHouse(t)
	conn, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn, cfg
}

// value asks for one value.
func value[T any](t *testing.T, conn Conn, sql string) T {
	t.Helper()
	var out T
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&out), sql)
	return out
}

// names lists migrations by name.
func names(migrations []Migration) []string {
	var out []string
	for _, one := range migrations {
		out = append(out, one.Name)
	}
	return out
}

const countTables = "SELECT toUInt64(count()) FROM system.tables WHERE database = currentDatabase()"

func TestMigrateAppliesFilesOnceInOrder(t *testing.T) {
	conn, _ := openFresh(t)
	var log []string
	opts := MigrateOptions{Log: func(msg string) { log = append(log, msg) }}
	done, err := Migrate(t.Context(), conn, os.DirFS("testdata/good"), opts)
	require.NoError(t, err)
	require.Equal(t, []string{"0001_visits.sql", "0002_views.sql", "0003_backfill.sql"}, names(done))
	require.Equal(t, []string{"applied 0001_visits.sql", "applied 0002_views.sql", "applied 0003_backfill.sql"}, log)
	require.Equal(t, "one; two", value[string](t, conn, "SELECT note FROM visits_by_note ORDER BY note LIMIT 1"))

	done, err = Migrate(t.Context(), conn, os.DirFS("testdata/good"), opts)
	require.NoError(t, err)
	require.Empty(t, done)
	require.Len(t, log, 3)
	require.EqualValues(t, 3, value[uint64](t, conn, "SELECT count() FROM schema_migrations"))
	require.EqualValues(t, 0, value[uint64](t, conn, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%lock%'"), "the lock is given back")
}

func TestMigrateDryRunTellsAndTouchesNothing(t *testing.T) {
	conn, _ := openFresh(t)
	todo, err := Migrate(t.Context(), conn, os.DirFS("testdata/good"), MigrateOptions{DryRun: true})
	require.NoError(t, err)
	require.Len(t, todo, 3)
	require.Zero(t, value[uint64](t, conn, countTables))
}

func TestMigrateFromManyAtOnce(t *testing.T) {
	_, cfg := openFresh(t)
	var mu sync.Mutex
	applied := map[string]int{}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			conn, err := Open(t.Context(), cfg) // a process has its own connections
			if !noError(t, err) {
				return
			}
			defer conn.Close()
			done, err := Migrate(t.Context(), conn, os.DirFS("testdata/good"), MigrateOptions{})
			noError(t, err)
			mu.Lock()
			defer mu.Unlock()
			for _, name := range names(done) {
				applied[name]++
			}
		})
	}
	wait.Wait()
	require.Equal(t, map[string]int{"0001_visits.sql": 1, "0002_views.sql": 1, "0003_backfill.sql": 1}, applied)
	conn, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	defer conn.Close()
	require.EqualValues(t, 3, value[uint64](t, conn, "SELECT count() FROM schema_migrations"), "without FINAL: no file was noted twice")
	require.EqualValues(t, 2, value[uint64](t, conn, "SELECT count() FROM visits"))
}

// noError is require.NoError for goroutines, which may not end the test.
func noError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

func TestMigrateStopsAtAFailureAndGoesOnWhenItIsMended(t *testing.T) {
	conn, _ := openFresh(t)
	files := sqlFiles(
		"0001_a.sql", "CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;",
		"0002_b.sql", "CREATE TABLE IF NOT EXISTS b (x Int8) ENGINE = Memory;\n\nCREATE VIEW IF NOT EXISTS v AS SELECT y FROM b;",
		"0003_c.sql", "CREATE TABLE IF NOT EXISTS c (x Int8) ENGINE = Memory;",
	)
	done, err := Migrate(t.Context(), conn, files, MigrateOptions{})
	require.ErrorContains(t, err, "migration 0002_b.sql:3: ")
	require.ErrorContains(t, err, "run `leadstream migrate` again")
	require.Equal(t, []string{"0001_a.sql"}, names(done))
	require.EqualValues(t, 0, value[uint64](t, conn, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'c'"))

	files["0002_b.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE IF NOT EXISTS b (x Int8) ENGINE = Memory; CREATE VIEW IF NOT EXISTS v AS SELECT x FROM b;")}
	done, err = Migrate(t.Context(), conn, files, MigrateOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"0002_b.sql", "0003_c.sql"}, names(done))
}

func TestMigrateRefusesAChangedFile(t *testing.T) {
	conn, _ := openFresh(t)
	files := sqlFiles("0001_a.sql", "CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;")
	_, err := Migrate(t.Context(), conn, files, MigrateOptions{})
	require.NoError(t, err)

	_, err = Migrate(t.Context(), conn, sqlFiles("0001_a.sql", "-- better said\nCREATE TABLE IF NOT EXISTS a\n(x Int8) ENGINE = Memory;"), MigrateOptions{})
	require.NoError(t, err, "comments and blanks are no drift")

	changed := sqlFiles("0001_a.sql", "CREATE TABLE IF NOT EXISTS a (x Int16) ENGINE = Memory;", "0002_b.sql", "DROP TABLE IF EXISTS a;")
	for _, dry := range []bool{true, false} {
		_, err = Migrate(t.Context(), conn, changed, MigrateOptions{DryRun: dry})
		require.ErrorContains(t, err, "migration 0001_a.sql was changed after it was applied")
	}
	require.EqualValues(t, 1, value[uint64](t, conn, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'a'"), "nothing after the drift ran")
}

func TestMigrateRefusesANewerDatabase(t *testing.T) {
	conn, _ := openFresh(t)
	newer := sqlFiles("0001_a.sql", "DROP TABLE IF EXISTS a", "0002_b.sql", "DROP TABLE IF EXISTS b")
	_, err := Migrate(t.Context(), conn, newer, MigrateOptions{})
	require.NoError(t, err)
	_, err = Migrate(t.Context(), conn, sqlFiles("0001_a.sql", "DROP TABLE IF EXISTS a"), MigrateOptions{})
	require.ErrorContains(t, err, "the database has migration 0002_b.sql, which this release does not know")
}

// A kill between a file's last statement and its note is a file that runs twice.
func TestMigrateBearsAKillBeforeTheNote(t *testing.T) {
	conn, _ := openFresh(t)
	all, err := readMigrations(os.DirFS("testdata/good"))
	require.NoError(t, err)
	for _, migration := range all {
		for _, one := range migration.statements {
			require.NoError(t, conn.Exec(t.Context(), one.text))
		}
	}
	done, err := Migrate(t.Context(), conn, os.DirFS("testdata/good"), MigrateOptions{})
	require.NoError(t, err)
	require.Len(t, done, 3)
	require.EqualValues(t, 2, value[uint64](t, conn, "SELECT count() FROM visits FINAL"))
}

func TestMigrateUsesTheConnectionsDatabase(t *testing.T) {
	one, _ := openFresh(t)
	two, _ := openFresh(t)
	_, err := Migrate(t.Context(), one, os.DirFS("testdata/good"), MigrateOptions{})
	require.NoError(t, err)
	require.Zero(t, value[uint64](t, two, countTables))
}

func TestMigrateGivesTheLockBackWhenItsContextEnds(t *testing.T) {
	conn, _ := openFresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	files := sqlFiles("0001_a.sql", "DROP TABLE IF EXISTS a;", "0002_b.sql", "DROP TABLE IF EXISTS b;")
	_, err := Migrate(ctx, conn, files, MigrateOptions{Log: func(string) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	done, err := Migrate(t.Context(), conn, files, MigrateOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"0002_b.sql"}, names(done), "the first file stays noted")
}
