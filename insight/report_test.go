package insight

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// past writes 200 past leads of which 60 were won, and 50 that are in intent now.
func (tb *tables) past() {
	tb.exec(`INSERT INTO stage_log (site, track, lead_id, entry_no, at, from_stage, to_stage, amount, currency)
SELECT 'demo', 'default', toUUID(concat('00000000-0000-8000-8000-', leftPad(toString(number), 12, '0'))), 1, ?, '', 'intent', 0, '' FROM numbers(200)
UNION ALL
SELECT 'demo', 'default', toUUID(concat('00000000-0000-8000-8000-', leftPad(toString(number), 12, '0'))), 2, ?, 'intent', if(number < 60, 'won', 'lost'), if(number < 60, 10000, 0), 'EUR' FROM numbers(200)
UNION ALL
SELECT 'demo', 'default', toUUID(concat('00000000-0000-8000-8000-', leftPad(toString(number), 12, '0'))), 1, ?, '', 'intent', 0, '' FROM numbers(1000, 50)`,
		ago(80), ago(60), ago(3))
	tb.exec(`INSERT INTO lead_state (site, track, lead_id, revision, fit, stage, first_seen)
SELECT site, track, lead_id, max(entry_no), 'B', argMax(to_stage, entry_no), min(at) FROM stage_log GROUP BY site, track, lead_id`)
}

func (tb *tables) report(name, format string) string {
	tb.t.Helper()
	var out bytes.Buffer
	require.NoError(tb.t, Report(tb.t.Context(), tb.db, name, scope(), format, &out))
	return out.String()
}

func TestReportsOverRealTables(t *testing.T) {
	tb := newTables(t)
	tb.past()
	golden(t, "funnel.txt", tb.report("funnel", "table"))
	golden(t, "forecast.txt", tb.report("forecast", "table"))
	golden(t, "forecast.csv", tb.report("forecast", "csv"))
	golden(t, "funnel.csv", tb.report("funnel", "csv"))

	var f Forecast
	require.NoError(t, json.Unmarshal([]byte(tb.report("forecast", "json")), &f))
	intent := f.Stages[3]
	require.Equal(t, [3]uint64{50, 200, 60}, [3]uint64{intent.Open, intent.Matured, intent.Won})
	require.Equal(t, [2]float64{10, 20}, [2]float64{intent.Wins.P10, intent.Wins.P90})
	require.Equal(t, "意向", intent.Stage.ZH)
	require.Equal(t, "EUR", f.Currency)
}

func TestEachForecastShownIsStored(t *testing.T) {
	tb := newTables(t)
	tb.past()
	tb.report("funnel", "table")
	var rows uint64
	require.NoError(t, tb.db.QueryRow(t.Context(), `SELECT count() FROM forecasts`).Scan(&rows))
	require.Zero(t, rows, "a funnel is not a forecast")
	tb.report("forecast", "table")
	var mean, low, high, value float64
	var matured, won uint32
	require.NoError(t, tb.db.QueryRow(t.Context(), `SELECT wins_mean, wins_p10, wins_p90, value_mean, matured, won
FROM forecasts WHERE stage = 'intent' AND horizon_days = 30 AND made_at = ?`, now).Scan(&mean, &low, &high, &value, &matured, &won))
	require.InDelta(t, 15.05, mean, 0.01)
	require.Equal(t, []float64{10, 20}, []float64{low, high})
	require.InDelta(t, 150_500, value, 100)
	require.Equal(t, []uint32{200, 60}, []uint32{matured, won})
	require.NoError(t, tb.db.QueryRow(t.Context(), `SELECT count() FROM forecasts`).Scan(&rows))
	require.Equal(t, uint64(7), rows, "six open stages and the total")
}

func TestDealsNewestWordDecides(t *testing.T) {
	tb := newTables(t)
	id := tb.lead("A", step{"visitor", 90}, step{"won", 60})
	deal := func(deal, event, stage string, amount float64, currency string, daysAgo float64) {
		tb.exec(`INSERT INTO deals (site, lead_id, deal_id, event_id, at, stage, amount, currency) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			"demo", id, deal, event, ago(daysAgo), stage, amount, currency)
	}
	deal("d1", "e1", "proposal", 500, "EUR", 70)
	deal("d1", "e2", "won", 700, "EUR", 60)
	deal("d2", "e3", "won", 900, "EUR", 60)
	deal("d2", "e4", "lost", 900, "EUR", 50)
	deal("d3", "e5", "won", 100, "EUR", 50)
	deal("d4", "e6", "won", 4000, "USD", 50)
	deals, err := WonDeals(t.Context(), tb.db, scope())
	require.NoError(t, err)
	require.Equal(t, Deals{Currency: "EUR", Amounts: []float64{100, 700}, Other: 1}, deals)
}

func TestEmptyTablesGiveAReportThatSaysSo(t *testing.T) {
	tb := newTables(t)
	require.Contains(t, tb.report("funnel", "table"), "No lead has been seen yet.")
	require.Contains(t, tb.report("forecast", "table"), "No forecast yet")
	records, err := csv.NewReader(strings.NewReader(tb.report("forecast", "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 8)
}

func TestReportNamesWhatItKnows(t *testing.T) {
	require.EqualError(t, Report(t.Context(), nil, "leaks", scope(), "table", nil), `report "leaks" is not known: choose one of funnel, forecast`)
	require.EqualError(t, Report(t.Context(), nil, "funnel", scope(), "xml", nil), `format "xml" is not known: choose one of table, json, csv`)
}

func TestGroupedReadsLikeMoney(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.4: "1,234,567", -1234: "-1,234", -123: "-123"} {
		require.Equal(t, want, grouped(v, 0))
	}
	require.Equal(t, "1,234.5", grouped(1234.51, 1))
}
