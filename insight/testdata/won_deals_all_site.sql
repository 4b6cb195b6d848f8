WITH
said AS (
    SELECT lead_id, argMax(stage, (at, event_id)) AS stage, argMax(amount, (at, event_id)) AS amount, argMax(currency, (at, event_id)) AS currency
    FROM deals FINAL
    WHERE 1
    GROUP BY lead_id, deal_id
),
moved AS (
    SELECT lead_id, argMax(amount, entry_no) AS amount, argMax(currency, entry_no) AS currency
    FROM stage_log FINAL
    WHERE 1 AND to_stage = {won:String} AND lead_id NOT IN (SELECT lead_id FROM said)
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
ORDER BY deals DESC, currency;
-- won = won
