package erase

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// table is one table that can hold a person's rows.
type table struct {
	name    string
	columns map[string]bool
}

// tables are all that keep rows and have a lead's or a visitor's id: asked of the server and not listed here, so that a table
// which comes with a later migration, or is an analyst's own, is not forgotten.
func tables(ctx context.Context, db driver.Conn) ([]table, error) {
	rows, err := db.Query(ctx, `SELECT table, groupArray(name) AS names FROM system.columns
WHERE database = currentDatabase() AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')
GROUP BY table HAVING hasAny(names, ['lead_id', 'anonymous_id', 'user_id']) ORDER BY table`)
	if err != nil {
		return nil, fmt.Errorf("erase: list the tables: %w", err)
	}
	defer rows.Close()
	var list []table
	for rows.Next() {
		var name string
		var columns []string
		if err := rows.Scan(&name, &columns); err != nil {
			return nil, fmt.Errorf("erase: list the tables: %w", err)
		}
		t := table{name: name, columns: map[string]bool{}}
		for _, c := range columns {
			t.columns[c] = true
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

// ahead is how far an event's own time may lie after its receipt (schemas/event.proto): rows that are dated by it alone are
// the person's until then.
const ahead = 5 * time.Minute

// condition says which rows are the person's. What was received after the request is a new acquaintance, and stays.
func (t table) condition(p Person, until time.Time) (string, []any) {
	var ids []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if t.columns["lead_id"] && len(p.LeadIDs) > 0 {
		// As UUIDs, or the table's key would not be used. They were parsed before they came here.
		ids = append(ids, "lead_id IN (toUUID('"+strings.Join(p.LeadIDs, "'), toUUID('")+"'))")
	}
	for column, known := range map[string][]string{"anonymous_id": p.AnonymousIDs, "user_id": p.UserIDs} {
		if t.columns[column] && len(known) > 0 {
			ids = append(ids, fmt.Sprintf("%s IN (%s)", column, arg(known)))
		}
	}
	if len(ids) == 0 {
		return "0", nil
	}
	where := "(" + strings.Join(ids, " OR ") + ")"
	if t.columns["site"] {
		where = "site = " + arg(p.Site) + " AND " + where
	}
	switch {
	case t.columns["received_at"]:
		where += " AND received_at <= fromUnixTimestamp64Milli(" + arg(until.UnixMilli()) + ")"
	case t.columns["at"]:
		where += " AND at <= fromUnixTimestamp64Milli(" + arg(until.Add(ahead).UnixMilli()) + ")"
	}
	return where, args
}

// count is how many rows of the person a table has.
func (t table) count(ctx context.Context, db driver.Conn, p Person, until time.Time) (n uint64, err error) {
	where, args := t.condition(p, until)
	if err := db.QueryRow(ctx, "SELECT count() FROM "+quoted(t.name)+" WHERE "+where, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("erase: count in %s: %w", t.name, err)
	}
	return n, nil
}

// clean removes the person's rows from the disk and not only from sight (a lightweight DELETE would), and returns when all
// parts, on all replicas, are written anew.
func (t table) clean(ctx context.Context, db driver.Conn, p Person, until time.Time) (removed uint64, err error) {
	if removed, err = t.count(ctx, db, p, until); err != nil || removed == 0 {
		return 0, err // a mutation touches every part; most tables have nothing of one person
	}
	where, args := t.condition(p, until)
	if err := db.Exec(ctx, "ALTER TABLE "+quoted(t.name)+" DELETE WHERE "+where+" SETTINGS mutations_sync = 2", args...); err != nil {
		return 0, fmt.Errorf("erase: delete from %s: %w", t.name, err)
	}
	return removed, nil
}

func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "\\`") + "`" }
