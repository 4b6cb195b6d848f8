package clickhouse

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// sqlFiles makes a file system out of name, body, name, body...
func sqlFiles(pairs ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

func TestReadMigrationsSortsByNumber(t *testing.T) {
	all, err := readMigrations(sqlFiles(
		"0010_b.sql", "DROP TABLE IF EXISTS b",
		"0002_a.sql", "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS c",
		"readme.md", "not SQL"))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.EqualValues(t, 2, all[0].Version)
	require.Len(t, all[0].statements, 2)
	require.EqualValues(t, 10, all[1].Version)
	require.NotEqual(t, all[0].Checksum, all[1].Checksum)
}

func TestReadMigrationsRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"no files":             {sqlFiles(), "no migration files were given"},
		"a name without digit": {sqlFiles("events.sql", "DROP TABLE IF EXISTS a"), "migration events.sql: a name must be NNNN_name.sql"},
		"number zero":          {sqlFiles("0000_a.sql", "DROP TABLE IF EXISTS a"), "numbers start at 0001"},
		"an empty file":        {sqlFiles("0001_a.sql", "-- nothing yet"), "migration 0001_a.sql: has no statement"},
		"a number twice":       {sqlFiles("0001_a.sql", "DROP TABLE IF EXISTS a", "0001_b.sql", "DROP TABLE IF EXISTS b"), "migrations 0001_a.sql and 0001_b.sql have the same number"},
		"an open string":       {sqlFiles("0001_a.sql", "SELECT 'a"), "migration 0001_a.sql: line 1: ' is not closed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readMigrations(tc.files)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestReadMigrationsNamesEveryFaultAtOnce(t *testing.T) {
	_, err := readMigrations(sqlFiles("0001_a.sql", "CREATE TABLE a (x Int8) ENGINE = Memory", "b.sql", "", "0003_c.sql", ""))
	for _, name := range []string{"0001_a.sql", "b.sql", "0003_c.sql"} {
		require.ErrorContains(t, err, name)
	}
}

func TestRepeatable(t *testing.T) {
	for sql, ok := range map[string]bool{
		"CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory":            true,
		"CREATE TABLE a (x Int8) ENGINE = Memory":                          false,
		"create table a (x String DEFAULT '') engine = Memory":             false,
		"CREATE OR REPLACE VIEW a AS SELECT 1":                             true,
		"CREATE VIEW a AS SELECT 1 -- IF NOT EXISTS":                       false,
		"DROP TABLE IF EXISTS a":                                           true,
		"DROP TABLE a":                                                     false,
		"ALTER TABLE a ADD COLUMN IF NOT EXISTS x Int8":                    true,
		"ALTER TABLE a ADD COLUMN IF NOT EXISTS x Int8, ADD COLUMN y Int":  false,
		"ALTER TABLE a ADD COLUMN x Int8":                                  false,
		"ALTER TABLE a DROP INDEX IF EXISTS i":                             true,
		"ALTER TABLE a DROP INDEX i":                                       false,
		"ALTER TABLE a MODIFY COLUMN x Int16":                              true,
		"GRANT SELECT ON a TO analyst":                                     true,
		"INSERT INTO a SELECT 1":                                           false,
		"RENAME TABLE a TO b":                                              false,
		"-- repeatable: a is a ReplacingMergeTree\nINSERT INTO a SELECT 1": true,
		"-- repeatable:\nINSERT INTO a SELECT 1":                           false,
	} {
		statements, err := split(sql)
		require.NoError(t, err)
		require.Equal(t, ok, repeatable(statements[0]) == nil, sql)
	}
}
