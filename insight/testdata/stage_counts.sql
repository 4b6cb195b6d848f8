WITH
out AS (SELECT lead_id FROM lead_state FINAL WHERE 1 AND site = {site:String} AND track = {track:String} AND fit = 'X'),
entries AS (
    SELECT lead_id, position, min(entered_ms) AS entered_ms
    FROM (
        SELECT lead_id, indexOf({stages:Array(String)}, to_stage) AS position, toUnixTimestamp64Milli(at) AS entered_ms
        FROM stage_log FINAL
        WHERE 1 AND site = {site:String} AND track = {track:String}
        UNION ALL
        SELECT lead_id, 1, toUnixTimestamp64Milli(first_seen)
        FROM lead_state FINAL
        WHERE 1 AND site = {site:String} AND track = {track:String}
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
    WHERE 1 AND site = {site:String} AND track = {track:String} AND fit != 'X'
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
ORDER BY position;
-- site = demo
-- track = default
-- stages = [visitor aware interest intent accepted opportunity won lost]
-- won = 7
-- lost = 8
-- matured_before = 1776686400000
