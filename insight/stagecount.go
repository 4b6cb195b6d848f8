package insight

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// StageCount is what the tables say of one stage: the only input of the funnel's and the forecast's statistics.
type StageCount struct {
	Stage string
	// Leads that are in the stage now.
	Open uint64
	// Leads that ever entered it, and those of them that entered long enough ago to be judged.
	Entered, Matured uint64
	// Matured leads that got further on the path, and those that were won.
	Reached, Won uint64
	// Leads that entered too lately to be judged, and already got further: shown, never divided.
	EarlyReached uint64
}

// stageCounts asks for the StageCounts of a scope.
type stageCounts struct{ Scope }

// sql counts leads, not transitions: a lead that falls back and rises again has entered once, at its first entry. A stage
// counts as reached from an earlier one when the lead ever entered it, since a jump writes a row for every stage it passes.
// The first stage is also entered by being seen at all. Leads that a flag rules out (fit X: employees, bots, rivals) are in no
// count, neither now nor in the past: they would be leads that never buy.
func (q stageCounts) sql() (string, []any) {
	where, args := q.where()
	args = append(args,
		clickhouse.Named("stages", q.stageIDs()),
		clickhouse.Named("won", uint64(q.order(StageWon))),
		clickhouse.Named("lost", uint64(q.order(StageLost))),
		clickhouse.Named("matured_before", q.At.Add(-q.Window).UnixMilli()),
	)
	return `WITH
out AS (SELECT lead_id FROM lead_state FINAL WHERE ` + where + ` AND fit = 'X'),
entries AS (
    SELECT lead_id, position, min(entered_ms) AS entered_ms
    FROM (
        SELECT lead_id, indexOf({stages:Array(String)}, to_stage) AS position, toUnixTimestamp64Milli(at) AS entered_ms
        FROM stage_log FINAL
        WHERE ` + where + `
        UNION ALL
        SELECT lead_id, 1, toUnixTimestamp64Milli(first_seen)
        FROM lead_state FINAL
        WHERE ` + where + `
    )
    WHERE position > 0 AND lead_id NOT IN out
    GROUP BY lead_id, position
),
paths AS (
    SELECT lead_id,
           groupArray((position, entered_ms)) AS steps,
           maxIf(position, position != {lost:UInt64}) AS deepest,
           max(position = {won:UInt64}) AS won
    FROM entries
    GROUP BY lead_id
),
here AS (
    SELECT indexOf({stages:Array(String)}, stage) AS position, count() AS open
    FROM lead_state FINAL
    WHERE ` + where + ` AND fit != 'X'
    GROUP BY position
),
passed AS (
    SELECT step.1 AS position,
           count() AS entered,
           countIf(step.2 <= {matured_before:Int64}) AS matured,
           countIf(step.2 <= {matured_before:Int64} AND deepest > step.1) AS reached,
           countIf(step.2 <= {matured_before:Int64} AND won) AS won,
           countIf(step.2 > {matured_before:Int64} AND deepest > step.1) AS early
    FROM paths
    ARRAY JOIN steps AS step
    GROUP BY position
)
SELECT position, open, entered, matured, reached, passed.won, early
FROM passed FULL OUTER JOIN here USING (position)
WHERE position > 0
ORDER BY position`, args
}

// Counts reads the StageCounts of a scope: one for every stage of the path, in its order.
func Counts(ctx context.Context, db driver.Conn, scope Scope) ([]StageCount, error) {
	if err := scope.Validate(); err != nil {
		return nil, fmt.Errorf("insight: scope: %w", err)
	}
	counts := make([]StageCount, len(scope.Stages))
	for i, stage := range scope.Stages {
		counts[i].Stage = stage.ID
	}
	text, args := stageCounts{scope}.sql()
	rows, err := db.Query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("insight: stage counts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var position uint64
		var c StageCount
		if err := rows.Scan(&position, &c.Open, &c.Entered, &c.Matured, &c.Reached, &c.Won, &c.EarlyReached); err != nil {
			return nil, fmt.Errorf("insight: stage counts: %w", err)
		}
		c.Stage = counts[position-1].Stage
		counts[position-1] = c
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("insight: stage counts: %w", err)
	}
	return counts, nil
}
