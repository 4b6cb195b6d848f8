package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// clusterName is a name of <remote_servers> that can stand in a path of Keeper.
var clusterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

const engineReplicated = "Replicated"

// clusterDatabase is the statement that makes the database on every node of the cluster. A node that joined later gets
// it, and all tables and rows, when the statement runs again.
func clusterDatabase(name, cluster string) string {
	path := "/clickhouse/leadstream/" + cluster + "/" + name
	return "CREATE DATABASE IF NOT EXISTS " + quoteName(name) + " ON CLUSTER " + quoteName(cluster) +
		" ENGINE = Replicated(" + quoteText(path) + ", '{shard}', '{replica}')"
}

// databaseEngine is the engine of a database, empty when there is none.
func databaseEngine(ctx context.Context, conn Conn, name string) (string, error) {
	var engine string
	err := conn.QueryRow(ctx, "SELECT any(engine) FROM system.databases WHERE name = ?", name).Scan(&engine)
	if err != nil {
		return "", fmt.Errorf("clickhouse: ask for the engine of database %s: %w", name, err)
	}
	return engine, nil
}

// checkCluster names every reason at once for which the database cannot be one of this cluster.
func checkCluster(ctx context.Context, conn Conn, name, cluster, engine string) error {
	var faults []error
	if engine != "" && engine != engineReplicated {
		faults = append(faults, fmt.Errorf("clickhouse: database %s has engine %s: it was made without --cluster and its rows are on one node; "+
			"name another with clickhouse.database and copy the rows (docs/operate.md, On many machines)", name, engine))
	}
	var shards uint64
	var known []string
	err := conn.QueryRow(ctx, "SELECT uniqExactIf(shard_num, cluster = ?), arraySort(groupUniqArray(cluster)) FROM system.clusters", cluster).Scan(&shards, &known)
	switch {
	case err != nil:
		faults = append(faults, fmt.Errorf("clickhouse: read system.clusters: %w", err))
	case shards == 0:
		faults = append(faults, fmt.Errorf("clickhouse: the server knows no cluster %q, only [%s]: add it to <remote_servers> on every node", cluster, strings.Join(known, ", ")))
	case shards > 1:
		faults = append(faults, fmt.Errorf("clickhouse: cluster %q has %d shards: name one of a single shard whose replicas all hold every row (docs/decisions, 022)", cluster, shards))
	}
	for _, macro := range []string{"shard", "replica"} {
		var value string
		err := conn.QueryRow(ctx, "SELECT getMacro(?)", macro).Scan(&value)
		if err != nil {
			faults = append(faults, fmt.Errorf("clickhouse: the server has no macro {%s}: write <macros><shard>1</shard><replica>its own name</replica></macros> on every node: %w", macro, err))
		}
	}
	return errors.Join(faults...)
}

// Plan is what EnsureDatabase and Migrate would run, in order, as statements of SQL. It writes nothing, and the
// database need not be there.
func Plan(ctx context.Context, cfg Config, files fs.FS) (plan []string, err error) {
	all, err := readMigrations(files)
	if err != nil {
		return nil, err
	}
	conn, name, err := openDefault(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	engine, err := databaseEngine(ctx, conn, name)
	if err != nil {
		return nil, err
	}
	create, err := createDatabase(ctx, conn, name, cfg.Cluster, engine)
	if err != nil {
		return nil, err
	}
	if create != "" {
		plan = append(plan, create)
	}
	replicated := cfg.Cluster != "" || engine == engineReplicated
	todo := all
	if engine != "" {
		if todo, err = pendingOf(ctx, cfg, all); err != nil {
			return nil, err
		}
	}
	for _, migration := range todo {
		for _, one := range migration.statements {
			text, err := writtenFor(one, migration.Name, replicated)
			if err != nil {
				return nil, err
			}
			plan = append(plan, text)
		}
	}
	return plan, nil
}

// pendingOf asks the configured database itself.
func pendingOf(ctx context.Context, cfg Config, all []Migration) ([]Migration, error) {
	conn, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	todo, err := pending(ctx, conn, all)
	return todo, errors.Join(err, conn.Close())
}

// writtenFor is a statement as this database needs it.
func writtenFor(one statement, file string, replicated bool) (string, error) {
	if !replicated {
		return one.text, nil
	}
	text, err := replicate(one.text)
	if err != nil {
		return "", fmt.Errorf("clickhouse: migration %s:%d: %w", file, one.line, err)
	}
	return text, nil
}

// isReplicated tells whether the connection's database carries DDL to other nodes: the database knows it, so that
// no role can be configured otherwise.
func isReplicated(ctx context.Context, conn Conn) (bool, error) {
	name, err := database(ctx, conn)
	if err != nil {
		return false, err
	}
	engine, err := databaseEngine(ctx, conn, name)
	return engine == engineReplicated, err
}

// patient has a DDL statement wait for all replicas that live. One that is down takes it from Keeper when it is back;
// waiting for it would have a migration fail for a node that is being repaired.
func patient(ctx context.Context) context.Context {
	return driver.Context(ctx, driver.WithSettings(driver.Settings{"distributed_ddl_output_mode": "throw_only_active"}))
}

// catchUp waits until this node has the rows that others have acknowledged: what a migration copies, and what it notes
// as applied, may have been written through another node a moment ago.
func catchUp(ctx context.Context, conn Conn) error {
	var tables []string
	err := conn.QueryRow(ctx, "SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase() AND engine LIKE 'Replicated%MergeTree'").Scan(&tables)
	if err != nil {
		return fmt.Errorf("clickhouse: list the replicated tables: %w", cause(ctx, err))
	}
	for _, table := range tables {
		if err := conn.Exec(ctx, "SYSTEM SYNC REPLICA "+quoteName(table)+" LIGHTWEIGHT"); err != nil {
			return fmt.Errorf("clickhouse: wait for the rows of %s: %w", table, cause(ctx, err))
		}
	}
	return nil
}
