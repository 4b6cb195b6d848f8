package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// Conn is a pool of connections to one database.
type Conn = driver.Conn

// Codes of the server's answers that have a mending of their own.
const (
	codeTableExists     = 57
	codeUnknownTable    = 60
	codeUnknownDatabase = 81
	codeAuthFailed      = 516
)

// Open connects and asks for a sign of life: a wrong address or password is found here, with what
// mends it, and not at the first insert.
func Open(ctx context.Context, cfg Config) (Conn, error) {
	options, err := cfg.Options()
	if err != nil {
		return nil, err
	}
	return open(ctx, options)
}

// EnsureDatabase creates the configured database when it is not there; with cfg.Cluster on every node of that cluster.
func EnsureDatabase(ctx context.Context, cfg Config) (err error) {
	conn, name, err := openDefault(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	engine, err := databaseEngine(ctx, conn, name)
	if err != nil {
		return err
	}
	create, err := createDatabase(ctx, conn, name, cfg.Cluster, engine)
	if err != nil || create == "" {
		return err
	}
	if err := conn.Exec(patient(ctx), create); err != nil {
		return fmt.Errorf("clickhouse: create database %s: %w", name, err)
	}
	return nil
}

// createDatabase is the statement that makes the database, or nothing when it is there.
func createDatabase(ctx context.Context, conn Conn, name, cluster, engine string) (string, error) {
	switch {
	case cluster != "":
		return clusterDatabase(name, cluster), checkCluster(ctx, conn, name, cluster, engine)
	case engine == "":
		return "CREATE DATABASE IF NOT EXISTS " + quoteName(name), nil
	default:
		return "", nil
	}
}

// openDefault connects to `default`, because a connection to a database that does not exist is refused, and tells the
// name of the configured one.
func openDefault(ctx context.Context, cfg Config) (Conn, string, error) {
	options, err := cfg.Options()
	if err != nil {
		return nil, "", err
	}
	name := options.Auth.Database
	options.Auth.Database = "default"
	conn, err := open(ctx, options)
	return conn, name, err
}

func open(ctx context.Context, options *driver.Options) (Conn, error) {
	conn, err := driver.Open(options)
	if err != nil {
		return nil, fmt.Errorf("clickhouse at %s: %w", strings.Join(options.Addr, ","), err)
	}
	if err := conn.Ping(ctx); err != nil {
		return nil, errors.Join(explain(err, options), conn.Close())
	}
	return conn, nil
}

// explain adds the mending to the refusals an operator meets first.
func explain(err error, options *driver.Options) error {
	where := strings.Join(options.Addr, ",")
	switch code(err) {
	case codeAuthFailed:
		return fmt.Errorf("clickhouse at %s refuses user %q: set clickhouse.user and clickhouse.password: %w", where, options.Auth.Username, err)
	case codeUnknownDatabase:
		return fmt.Errorf("clickhouse at %s has no database %q: run `leadstream migrate`, or set clickhouse.database: %w", where, options.Auth.Database, err)
	case 0:
		return fmt.Errorf("clickhouse at %s does not answer: start it, or set clickhouse.addr to the native port of a running one: %w", where, err)
	default:
		return fmt.Errorf("clickhouse at %s: %w", where, err)
	}
}

// code is the server's number of an error; 0 when it did not come from the server.
func code(err error) int32 {
	var exception *driver.Exception
	if errors.As(err, &exception) {
		return exception.Code
	}
	return 0
}

// quoteName makes any name a safe identifier.
func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}
