package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// codeAccessDenied is the server's answer to a user without access management.
const codeAccessDenied = 497

// EnsureAnalysts makes the server's users, bounds and row policies those of the config: it may run any number of times, after
// every migration, and takes away whom it made and who is not named any more. Column is the one that a policy looks at.
//
// An analyst of some sites is granted one table at a time, each after its policy stands: a table that comes later is not
// readable until this ran again, and never readable whole. Views ask with the rights of who asks them.
//
// The embedded server keeps its users in a file, which is written before it starts (embedded.ClickHouseConfig.Analysts).
func EnsureAnalysts(ctx context.Context, conn Conn, column string, analysts []Analyst) error {
	db, err := database(ctx, conn)
	if err != nil {
		return err
	}
	m := manager{conn: conn, db: db, column: column}
	made, err := m.made(ctx)
	if code(err) == codeAccessDenied && len(analysts) == 0 {
		return nil // nothing is asked of a user who may not
	}
	if err != nil {
		return m.explain("list the analysts", err)
	}
	tables, err := m.tables(ctx)
	if err != nil {
		return m.explain("list the tables", err)
	}
	for _, a := range analysts {
		if err := m.run(ctx, m.ensure(a.WithDefaults(), tables)); err != nil {
			return m.explain("analyst "+a.Name, err)
		}
	}
	for _, name := range made {
		if !slices.ContainsFunc(analysts, func(a Analyst) bool { return a.Name == name }) {
			if err := m.run(ctx, m.drop(name, tables)); err != nil {
				return m.explain("drop analyst "+name, err)
			}
		}
	}
	return nil
}

func database(ctx context.Context, conn Conn) (db string, err error) {
	if err := conn.QueryRow(ctx, "SELECT currentDatabase()").Scan(&db); err != nil {
		return "", fmt.Errorf("clickhouse: ask for the database: %w", err)
	}
	return db, nil
}

type manager struct {
	conn       Conn
	db, column string
}

// mark is the name of an analyst's bounds and policies; by it those that were made here are found again.
func (m manager) mark(name string) string { return "leadstream_" + m.db + "_" + name }

func (m manager) explain(what string, err error) error {
	if code(err) == codeAccessDenied {
		return fmt.Errorf("clickhouse: %s: the user may not manage access; let it (access_management in users.xml, or GRANT ACCESS MANAGEMENT ON *.*), or leave clickhouse.analysts empty and make users yourself: %w", what, err)
	}
	return fmt.Errorf("clickhouse: %s: %w", what, err)
}

// made are the analysts of earlier runs.
func (m manager) made(ctx context.Context) ([]string, error) {
	prefix := m.mark("")
	rows, err := m.conn.Query(ctx, "SELECT substring(name, length($1) + 1) FROM system.settings_profiles WHERE startsWith(name, $1)", prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// relation is a table, a view or a dictionary, and whether its rows say whose they are.
type relation struct {
	name                  string
	isTable, isDictionary bool
	hasSite               bool
}

func (m manager) tables(ctx context.Context) ([]relation, error) {
	rows, err := m.conn.Query(ctx, `SELECT name, engine LIKE '%MergeTree' OR engine = 'Distributed', engine = 'Dictionary', name IN (SELECT table FROM system.columns WHERE database = $1 AND name = $2)
FROM system.tables WHERE database = $1 AND NOT startsWith(name, '.') AND NOT startsWith(name, 'schema_') ORDER BY name`, m.db, m.column)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []relation
	for rows.Next() {
		var r relation
		if err := rows.Scan(&r.name, &r.isTable, &r.isDictionary, &r.hasSite); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// ensure goes from what forbids to what allows, so that a run which ends half-way leaves too little and never too much.
func (m manager) ensure(a Analyst, tables []relation) []string {
	user, mark := quoteName(a.Name), quoteName(m.mark(a.Name))
	identified := " IDENTIFIED WITH sha256_password BY " + quoteText(a.Password.Reveal()) + " HOST ANY"
	if a.Password == "" {
		identified = " IDENTIFIED WITH no_password HOST LOCAL"
	}
	statements := []string{
		"CREATE SETTINGS PROFILE IF NOT EXISTS " + mark,
		// 2: reads only, but a client may set its own settings, within the bounds.
		fmt.Sprintf("ALTER SETTINGS PROFILE %s SETTINGS readonly = 2, max_memory_usage = %d MAX %d, max_execution_time = %d MIN 1 MAX %d, max_concurrent_queries_for_user = %d CONST",
			mark, a.Memory, a.Memory, int(a.QueryTime.Seconds()), int(a.QueryTime.Seconds()), a.Concurrent),
		"CREATE USER IF NOT EXISTS " + user + identified,
		"ALTER USER " + user + identified + " SETTINGS PROFILE " + mark + " DEFAULT DATABASE " + quoteName(m.db),
		fmt.Sprintf("CREATE QUOTA OR REPLACE %s FOR INTERVAL 1 hour MAX queries = %d, execution_time = %d TO %s", mark, a.QueriesPerHour, int(a.TimePerHour.Seconds()), user),
	}
	for _, t := range tables {
		on := quoteName(m.db) + "." + quoteName(t.name)
		switch {
		case t.isDictionary && len(a.Sites) == 0:
			statements = append(statements, "GRANT SHOW, SELECT, dictGet ON "+on+" TO "+user)
		case t.isDictionary: // holds every site's rows, and no policy filters it
			statements = append(statements, "REVOKE SELECT, dictGet ON "+on+" FROM "+user)
		case len(a.Sites) == 0 || !t.isTable:
			if t.isTable {
				statements = append(statements, "DROP ROW POLICY IF EXISTS "+mark+" ON "+on)
			}
			statements = append(statements, "GRANT SHOW, SELECT ON "+on+" TO "+user)
		case t.hasSite:
			sites := make([]string, len(a.Sites))
			for i, site := range a.Sites {
				sites[i] = quoteText(site)
			}
			statements = append(statements,
				fmt.Sprintf("CREATE ROW POLICY OR REPLACE %s ON %s FOR SELECT USING %s IN (%s) AS RESTRICTIVE TO %s", mark, on, quoteName(m.column), strings.Join(sites, ", "), user),
				fmt.Sprintf("CREATE ROW POLICY OR REPLACE %s ON %s FOR SELECT USING 1 TO %s", quoteName(m.mark(a.Name)+"_base"), on, user),
				"GRANT SHOW, SELECT ON "+on+" TO "+user)
		default:
			statements = append(statements, "REVOKE SELECT ON "+on+" FROM "+user)
		}
	}
	return statements
}

func (m manager) drop(name string, tables []relation) []string {
	user, mark := quoteName(name), quoteName(m.mark(name))
	statements := []string{"DROP USER IF EXISTS " + user, "DROP QUOTA IF EXISTS " + mark}
	for _, t := range tables {
		if t.isTable {
			on := quoteName(m.db) + "." + quoteName(t.name)
			statements = append(statements, "DROP ROW POLICY IF EXISTS "+mark+" ON "+on, "DROP ROW POLICY IF EXISTS "+quoteName(m.mark(name)+"_base")+" ON "+on)
		}
	}
	return append(statements, "DROP SETTINGS PROFILE IF EXISTS "+mark) // last: by it a drop that broke off is found again
}

func (m manager) run(ctx context.Context, statements []string) error {
	for _, sql := range statements {
		if err := m.conn.Exec(ctx, sql); err != nil {
			return err // not the statement: a password may stand in it
		}
	}
	return nil
}

// quoteText makes any text a safe literal.
func quoteText(text string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(text) + "'"
}
