package embeddedtest

import (
	"context"
	"strings"
	"sync"
	"testing"
)

// Tables is a schema that many tests of a process use: making it takes longer than most of them do, so
// the database of a test that has passed is emptied and given to another.
type Tables struct {
	// Make puts the tables into an empty database.
	Make func(t testing.TB, dsn string)

	mu   sync.Mutex
	free []string // names of emptied databases
}

// Database returns the DSN of a database with the tables and no rows. A test that changes the tables
// themselves asks for a database of its own, ClickHouse. After a failure it is kept as long as the test
// process runs, and its name is logged.
func (s *Tables) Database(t testing.TB) (dsn string) {
	t.Helper()
	server := Server(t)
	name := s.take()
	if name == "" {
		name = create(t, server)
		s.Make(t, server.DSN(name))
	}
	whenPassed(t, name, func(ctx context.Context) error {
		if err := empty(ctx, server.HTTPAddr(), name); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free = append(s.free, name)
		return nil
	})
	return server.DSN(name)
}

// take is an emptied database, "" if there is none.
func (s *Tables) take() (name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		name, s.free = s.free[n-1], s.free[:n-1]
	}
	return name
}

// empty takes all rows out of a database, with the tables' memory of the blocks that were inserted (TRUNCATE does both), and what
// dictionaries have read of them. What says which migrations were applied stays.
func empty(ctx context.Context, addr, database string) error {
	const quoted = "'`' || database || '`.`' || name || '`'"
	in := " WHERE database = '" + database + "'"
	for _, list := range []string{
		"SELECT 'TRUNCATE TABLE ' || " + quoted + " || ' SYNC' FROM system.tables" + in + " AND engine LIKE '%MergeTree' AND name NOT LIKE 'schema_migrations%'",
		"SELECT 'SYSTEM RELOAD DICTIONARY ' || " + quoted + " FROM system.dictionaries" + in,
	} {
		statements, err := ask(ctx, addr, list+" FORMAT TSVRaw")
		if err != nil {
			return err
		}
		for statement := range strings.Lines(statements) {
			if err := execute(ctx, addr, statement); err != nil {
				return err
			}
		}
	}
	return nil
}
