package insight

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"leadstream/internal/clickhouse"
	"leadstream/internal/embedded/embeddedtest"
	"leadstream/schemas"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

var now = time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)

var path = []schemas.StageName{
	{ID: "visitor", EN: "visitor", ZH: "访客"},
	{ID: "aware", EN: "aware", ZH: "认知"},
	{ID: "interest", EN: "interest", ZH: "兴趣"},
	{ID: "intent", EN: "intent", ZH: "意向"},
	{ID: "accepted", EN: "accepted", ZH: "销售接受"},
	{ID: "opportunity", EN: "opportunity", ZH: "商机"},
	{ID: "won", EN: "won", ZH: "成交"},
	{ID: "lost", EN: "lost", ZH: "流失"},
}

func scope() Scope {
	return Scope{Site: "demo", Track: "default", Stages: path, At: now, Window: DefaultWindow}
}

// tables are a fresh database with the real tables.
type tables struct {
	t  *testing.T
	db driver.Conn
	// leads so far, for ids
	n int
}

func newTables(t *testing.T) *tables {
	t.Helper()
	cfg := clickhouse.DefaultConfig()
	cfg.Addr = embeddedtest.ClickHouse(t)
	db, err := clickhouse.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	files := schemas.Tables()
	_, err = clickhouse.Migrate(t.Context(), db, files, clickhouse.MigrateOptions{})
	require.NoError(t, err)
	return &tables{t: t, db: db}
}

// step is an entry into a stage, days before now.
type step struct {
	stage   string
	daysAgo float64
}

// lead writes one lead that took the steps and is in the last one now.
func (tb *tables) lead(fit string, steps ...step) string {
	tb.t.Helper()
	tb.n++
	id := schemas.NewLeadID(fmt.Sprintf("demo/v%d", tb.n)).String()
	from := ""
	for i, s := range steps {
		tb.exec(`INSERT INTO stage_log (site, track, lead_id, entry_no, at, from_stage, to_stage, direction) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			"demo", "default", id, uint32(i+1), ago(s.daysAgo), from, s.stage, "promote")
		from = s.stage
	}
	tb.exec(`INSERT INTO lead_state (site, track, lead_id, revision, fit, stage, first_seen) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		"demo", "default", id, uint64(len(steps)), fit, from, ago(steps[0].daysAgo))
	return id
}

func (tb *tables) exec(sql string, args ...any) {
	tb.t.Helper()
	require.NoError(tb.t, tb.db.Exec(tb.t.Context(), sql, args...))
}

func ago(days float64) time.Time { return now.Add(-time.Duration(days * 24 * float64(time.Hour))) }

func (tb *tables) counts(s Scope) map[string]StageCount {
	tb.t.Helper()
	counts, err := Counts(tb.t.Context(), tb.db, s)
	require.NoError(tb.t, err)
	byStage := map[string]StageCount{}
	for _, c := range counts {
		byStage[c.Stage] = c
	}
	return byStage
}
