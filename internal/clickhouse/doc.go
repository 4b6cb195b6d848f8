// Package clickhouse opens ClickHouse and brings its tables up to date.
//
// Reads     a Config; numbered SQL files
// Writes    the tables those files name, and schema_migrations, which says what was applied
// Promises  a migration that ran is never changed under its users; any number of processes may migrate at once; a kill at any point is mended by running it again
// Refuses   an applied file that was changed since, a statement that cannot be repeated, a database newer than this release
package clickhouse
