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

// EnsureDatabase creates the configured database when it is not there: a connection to a database
// that does not exist is refused, so this one goes through `default`.
func EnsureDatabase(ctx context.Context, cfg Config) error {
	options, err := cfg.Options()
	if err != nil {
		return err
	}
	database := options.Auth.Database
	options.Auth.Database = "default"
	conn, err := open(ctx, options)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(database)); err != nil {
		return fmt.Errorf("clickhouse: create database %s: %w", database, err)
	}
	return nil
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
