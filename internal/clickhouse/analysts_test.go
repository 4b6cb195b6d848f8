package clickhouse

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The embedded server, the only one that tests have, has no storage for users made by SQL: here the server's parser reads
// every statement. What the same bounds and policies do is tested where they stand in its users.xml (package embedded).
func TestTheServerReadsEveryStatement(t *testing.T) {
	conn, _ := openFresh(t)
	require.NoError(t, conn.Exec(t.Context(), "CREATE TABLE events (site String) ENGINE = MergeTree ORDER BY site"))
	require.NoError(t, conn.Exec(t.Context(), "CREATE TABLE plain (n UInt8) ENGINE = MergeTree ORDER BY n"))
	require.NoError(t, conn.Exec(t.Context(), "CREATE VIEW sums AS SELECT site FROM events"))
	require.NoError(t, conn.Exec(t.Context(), "CREATE DICTIONARY whose (site String, n UInt64) PRIMARY KEY site SOURCE(CLICKHOUSE(TABLE 'events')) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(10)"))
	db, err := database(t.Context(), conn)
	require.NoError(t, err)
	m := manager{conn: conn, db: db, column: "site"}
	tables, err := m.tables(t.Context())
	require.NoError(t, err)
	require.Equal(t, []relation{{"events", true, false, true}, {"plain", true, false, false}, {"sums", false, false, true}, {"whose", false, true, true}}, tables)
	agency := Analyst{Name: "agency", Password: "s3cret '\\ word", Sites: []string{"a", "b"}, QueryTime: 5 * time.Second}.WithDefaults()
	statements := append(m.ensure(agency, tables), m.ensure(Analyst{Name: "house"}.WithDefaults(), tables)...)
	for _, sql := range append(statements, m.drop("agency", tables)...) {
		require.NoError(t, conn.Exec(t.Context(), "EXPLAIN AST "+sql), sql)
	}
	all := strings.Join(m.ensure(agency, tables), ";\n")
	require.Less(t, strings.Index(all, "ROW POLICY"), strings.Index(all, "GRANT"), "what forbids stands before what allows")
	require.NotContains(t, all, "GRANT SHOW, SELECT ON `"+db+"`.`plain`", "rows that do not say whose they are, are nobody's")
	require.Contains(t, all, "REVOKE SELECT, dictGet ON `"+db+"`.`whose` FROM", "no policy filters a dictionary")
	require.NotContains(t, all, "dictGet ON `"+db+"`.`whose` TO")
	require.Contains(t, strings.Join(m.ensure(Analyst{Name: "house"}.WithDefaults(), tables), ";"), "GRANT SHOW, SELECT, dictGet ON `"+db+"`.`whose` TO")
}

func TestAUserWhoMayNotManageIsToldHow(t *testing.T) {
	conn, _ := openFresh(t)
	require.NoError(t, EnsureAnalysts(t.Context(), conn, "site", nil), "nobody is named, nothing is asked")
}

func TestAnalystsFaultsAreToldAtOnce(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Analysts = []Analyst{{Name: "no-dash"}, {Name: "default"}, {Name: "a", Sites: []string{"x'y"}}, {Name: "a", QueryTime: time.Millisecond}}
	err := cfg.Validate()
	for _, text := range []string{"analysts[0].name: must be a letter", "analysts[1].name: default is a user who may do everything", "analysts[2].sites: must be names", "analysts[3].name: a is there twice", "analysts[3].query_time"} {
		require.ErrorContains(t, err, text)
	}
}
