package sink

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goldenTitles are examples of docs/sql.md that ask rows alone, no clock: their answers on goldenWorld stand in testdata/sql_answers.txt.
var goldenTitles = []string{
	"Funnel of a window", "Funnel by first campaign", "Time spent by page", "Who reads to the end", "First touch", "Won deals by source",
	"Share of bots", "Which rules pay", "How long leads stay in a stage", "Who fell, and when", "What visitors clicked",
	"What they looked at before they filled in a form", "Landing pages and what became of them", "When visitors come", "Whose old events are they now, by dictionary", "Devices that one person used",
}

// goldenWorld: a visitor (1) came by an advert, said to be user 2, and was won. Visitor 3 came by search, read and left. 4 is a robot.
var goldenWorld = []string{
	`INSERT INTO events (site, lead_id, event_id, event_time, received_at, type, name, path, view_id, engaged_ms, scroll_pct, channel, referrer_host, utm_campaign, bot, properties)
	SELECT 'demo', toUUID('00000000-0000-8000-8000-00000000000' || toString(lead)), id, toDateTime64('2026-03-02 10:00:00', 3, 'UTC') + toIntervalMinute(minute), now64(3), type, name, path, view_id, ms, pct, channel, host, campaign, lead = 4, properties
	FROM VALUES('lead UInt8, id String, minute Int32, type String, name String, path String, view_id String, ms UInt32, pct UInt8, channel String, host String, campaign String, properties String',
		(1, 'e1', 0, 'page', '', '/', 'v1', 0, 0, 'paid', 'ads.example', 'spring', '{}'), (1, 'e2', 1, 'engage', '', '/', 'v1', 4000, 50, '', '', '', '{}'), (1, 'e3', 2, 'engage', '', '/', 'v1', 9000, 80, '', '', '', '{}'),
		(1, 'e4', 3, 'click', 'Buy', '/', 'v1', 0, 0, '', '', '', '{"kind":"button"}'), (2, 'e5', 60, 'page', '', '/pricing', 'v2', 3000, 20, 'mail', '', '', '{}'), (2, 'e6', 61, 'form', 'Demo', '/contact', 'v3', 0, 0, '', '', '', '{}'),
		(3, 'e7', 0, 'page', '', '/', 'v4', 1000, 10, 'search', 'find.example', '', '{}'), (3, 'e8', 5, 'click', 'Buy', '/', 'v4', 0, 0, '', '', '', '{"kind":"button"}'), (4, 'e9', 0, 'page', '', '/', 'v5', 99000, 90, 'direct', '', '', '{}'))`,
	`INSERT INTO stage_log (site, track, lead_id, entry_no, at, from_stage, to_stage, direction, cause, criteria, score, amount, currency, why)
	SELECT 'demo', 'main', toUUID('00000000-0000-8000-8000-00000000000' || toString(lead)), n, toDateTime64('2026-03-02 10:00:00', 3, 'UTC') + toIntervalHour(hour), was, now, way, 'event', [], 10 * n, amount, if(amount > 0, 'EUR', ''), ''
	FROM VALUES('lead UInt8, n UInt32, hour Int32, was String, now String, way String, amount Float64',
		(2, 1, 0, '', 'aware', 'promote', 0), (2, 2, 2, 'aware', 'interest', 'promote', 0), (2, 3, 26, 'interest', 'won', 'promote', 900), (3, 1, 0, '', 'aware', 'promote', 0), (3, 2, 4, 'aware', 'interest', 'promote', 0), (3, 3, 100, 'interest', 'aware', 'demote', 0))`,
	`INSERT INTO ledger (site, track, lead_id, day, rule, event_id, reason, event_time) SELECT 'demo', 'main', toUUID('00000000-0000-8000-8000-00000000000' || toString(lead)), '2026-03-02', rule, id, reason, '2026-03-02'
	FROM VALUES('lead UInt8, rule String, id String, reason String', (1, 'visit', 'e1', 'ok'), (3, 'visit', 'e7', 'ok'), (3, 'click', 'e8', 'ok'), (1, 'visit', 'e4', 'cap'), (3, 'click', 'e8', 'dup'))`,
	`INSERT INTO lead_state (site, track, lead_id, revision, fit, stage, stage_order, joined_leads, joined_at) SELECT 'demo', 'main', '00000000-0000-8000-8000-000000000002', 1, 'A', 'won', 4, ['00000000-0000-8000-8000-000000000001'], ['2026-03-02 11:00:00']`,
	`INSERT INTO identities (site, anonymous_id, user_id, event_id, at) VALUES ('demo', 'phone', 'anna', 'i1', '2026-03-02 11:00:00'), ('demo', 'laptop', 'anna', 'i2', '2026-03-03 11:00:00'), ('demo', 'desk', 'bob', 'i3', '2026-03-03 12:00:00')`,
}

// An example whose answer changes has changed its meaning. To write new answers, and read them: UPDATE=1 go test ./sink -run TestDocumentedAnswers
func TestDocumentedAnswers(t *testing.T) {
	r := newTables(t)
	r.ownTables() // one dictionary is read when it is first asked, after all rows are there
	for range 2 { // what stands twice changes no answer
		for _, rows := range goldenWorld {
			r.exec(rows)
		}
	}
	var got strings.Builder
	for _, title := range goldenTitles {
		got.WriteString("### " + title + "\n" + r.table(documented(t, title)) + "\n")
	}
	const file = "testdata/sql_answers.txt"
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

// table is an answer with the names of its columns, a row a line, sorted: what order a query leaves open is no answer.
func (r *rig) table(query string) string {
	r.Helper()
	rows, err := r.conn.Query(r.Context(), query)
	require.NoError(r, err, query)
	columns := rows.Columns()
	require.NoError(r, rows.Close())
	var cells []string
	for _, name := range columns {
		cells = append(cells, "ifNull(toString("+name+"), 'NULL')")
	}
	line := "arrayStringConcat([" + strings.Join(cells, ", ") + "], ' | ')"
	return strings.Join(columns, " | ") + "\n" + r.value("SELECT arrayStringConcat(arraySort(groupArray("+line+")), '\\n') FROM ("+query+")") + "\n"
}
