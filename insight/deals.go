package insight

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Deals are the sizes of won deals in one currency.
type Deals struct {
	Currency string
	Amounts  []float64
	// Won deals in other currencies, which cannot be added and are left out.
	Other uint64
}

// wonDeals asks for the amounts of won deals, the largest currency first. A deal's newest row decides: a won deal that was
// taken back is not won. Ten thousand deals, drawn with a fixed seed, are enough: more do not move a percentile. What the CRM said on the stage change itself counts for leads that have no deal row.
type wonDeals struct{ Scope }

func (q wonDeals) sql() (string, []any) {
	site, _ := Scope{Site: q.Site}.where() // a deal belongs to no track
	where, args := q.where()
	args = append(args, clickhouse.Named("won", StageWon))
	return `WITH
said AS (
    SELECT lead_id, argMax(stage, (at, event_id)) AS stage, argMax(amount, (at, event_id)) AS amount, argMax(currency, (at, event_id)) AS currency
    FROM deals FINAL
    WHERE ` + site + `
    GROUP BY lead_id, deal_id
),
moved AS (
    SELECT lead_id, argMax(amount, entry_no) AS amount, argMax(currency, entry_no) AS currency
    FROM stage_log FINAL
    WHERE ` + where + ` AND to_stage = {won:String} AND lead_id NOT IN (SELECT lead_id FROM said)
    GROUP BY lead_id
),
won AS (
    SELECT currency, amount FROM said WHERE stage = {won:String} AND amount > 0
    UNION ALL
    SELECT currency, amount FROM moved WHERE amount > 0
)
SELECT currency, count() AS deals, arraySort(groupArraySample(10000, 1)(amount)) AS amounts
FROM won
GROUP BY currency
ORDER BY deals DESC, currency`, args
}

// WonDeals reads the won deals of a scope.
func WonDeals(ctx context.Context, db driver.Conn, scope Scope) (Deals, error) {
	text, args := wonDeals{scope}.sql()
	rows, err := db.Query(ctx, text, args...)
	if err != nil {
		return Deals{}, fmt.Errorf("insight: won deals: %w", err)
	}
	defer rows.Close()
	var deals Deals
	for first := true; rows.Next(); first = false {
		var currency string
		var n uint64
		var amounts []float64
		if err := rows.Scan(&currency, &n, &amounts); err != nil {
			return Deals{}, fmt.Errorf("insight: won deals: %w", err)
		}
		if first {
			deals.Currency, deals.Amounts = currency, amounts
			continue
		}
		deals.Other += n
	}
	if err := rows.Err(); err != nil {
		return Deals{}, fmt.Errorf("insight: won deals: %w", err)
	}
	return deals, nil
}
