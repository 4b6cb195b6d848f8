package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// MigrateOptions are Migrate's choices; the zero value is the usual one.
type MigrateOptions struct {
	DryRun bool             // only tell what would be done; nothing is written
	Log    func(msg string) // hears of each applied file; nil drops it
}

// Migrate brings the connection's database up to date and returns what it applied (or, in a dry
// run, what it would apply), in order. Files use unqualified names, so the same files serve any database.
//
// Any number of processes may call it at once: one works, the others wait and then find nothing to
// do (see lock). In a database of engine Replicated the tables are made replicated (see replicate). A failing statement stops it; the files before stay applied and noted, the failed
// file is run again from its first statement once it is mended.
func Migrate(ctx context.Context, conn Conn, files fs.FS, opts MigrateOptions) ([]Migration, error) {
	all, err := readMigrations(files)
	if err != nil {
		return nil, err
	}
	if opts.DryRun {
		return pending(ctx, conn, all)
	}
	// Most starts find nothing to do; they need no lock.
	if todo, err := pending(ctx, conn, all); err != nil || len(todo) == 0 {
		return nil, err
	}
	replicated, err := isReplicated(ctx, conn)
	if err != nil {
		return nil, err
	}
	if replicated {
		ctx = patient(ctx)
	}
	held, err := acquire(ctx, conn)
	if err != nil {
		return nil, err
	}
	done, err := applyPending(held.ctx, conn, all, replicated, opts.Log)
	return done, errors.Join(err, held.release())
}

// notes is the table of what was applied. ReplacingMergeTree: a second note of the same version is the same row,
// should the lock ever fail.
const notes = `CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY version`

// applyPending runs under the lock.
func applyPending(ctx context.Context, conn Conn, all []Migration, replicated bool, log func(string)) ([]Migration, error) {
	create, err := writtenFor(statement{text: notes}, "schema_migrations", replicated)
	if err != nil {
		return nil, err
	}
	if err := conn.Exec(ctx, create); err != nil {
		return nil, fmt.Errorf("clickhouse: create schema_migrations: %w", err)
	}
	if replicated { // the process before may have noted its files through another node
		if err := catchUp(ctx, conn); err != nil {
			return nil, err
		}
	}
	todo, err := pending(ctx, conn, all)
	if err != nil {
		return nil, err
	}
	for i, migration := range todo {
		if err := apply(ctx, conn, migration, replicated); err != nil {
			return todo[:i], err
		}
		if log != nil {
			log("applied " + migration.Name)
		}
	}
	return todo, nil
}

// apply runs one file, then notes it: a kill in between repeats the file, which its statements bear.
func apply(ctx context.Context, conn Conn, migration Migration, replicated bool) error {
	for _, one := range migration.statements {
		text, err := writtenFor(one, migration.Name, replicated)
		if err != nil {
			return err
		}
		if replicated && one.copies() {
			if err := catchUp(ctx, conn); err != nil {
				return err
			}
		}
		if err := conn.Exec(ctx, text); err != nil {
			return fmt.Errorf("clickhouse: migration %s:%d: %w; mend it and run `leadstream migrate` again", migration.Name, one.line, cause(ctx, err))
		}
	}
	err := conn.Exec(ctx, "INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)",
		migration.Version, migration.Name, migration.Checksum)
	if err != nil {
		return fmt.Errorf("clickhouse: note that %s was applied: %w", migration.Name, cause(ctx, err))
	}
	return nil
}

// cause prefers the reason why a context ended (a lost lock) to the bare cancellation.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// pending compares the files with what the database says was applied, and refuses any disagreement.
func pending(ctx context.Context, conn Conn, all []Migration) ([]Migration, error) {
	applied, err := readApplied(ctx, conn)
	if err != nil {
		return nil, err
	}
	var todo []Migration
	var faults []error
	for _, migration := range all {
		noted, ok := applied[migration.Version]
		delete(applied, migration.Version)
		switch {
		case !ok:
			todo = append(todo, migration)
		case noted.Checksum != migration.Checksum:
			faults = append(faults, fmt.Errorf("clickhouse: migration %s was changed after it was applied as %s (checksum %.12s, was %.12s): "+
				"restore the file, and write the change as a new one with the next number", migration.Name, noted.Name, migration.Checksum, noted.Checksum))
		}
	}
	for _, noted := range applied {
		faults = append(faults, fmt.Errorf("clickhouse: the database has migration %s, which this release does not know: run the release that wrote it, or a newer one", noted.Name))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return todo, nil
}

// readApplied is empty for a database that was never migrated.
func readApplied(ctx context.Context, conn Conn) (map[uint32]Migration, error) {
	rows, err := conn.Query(ctx, "SELECT version, name, checksum FROM schema_migrations FINAL")
	if code(err) == codeUnknownTable {
		return map[uint32]Migration{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("clickhouse: read schema_migrations: %w", cause(ctx, err))
	}
	defer rows.Close()
	applied := map[uint32]Migration{}
	for rows.Next() {
		var one Migration
		if err := rows.Scan(&one.Version, &one.Name, &one.Checksum); err != nil {
			return nil, fmt.Errorf("clickhouse: read schema_migrations: %w", err)
		}
		applied[one.Version] = one
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("clickhouse: read schema_migrations: %w", cause(ctx, err))
	}
	return applied, nil
}
