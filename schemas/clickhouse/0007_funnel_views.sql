-- Funnel and conversion over the stage log. A lead counts once a stage, however
-- often it came back: repeats of a row change nothing.
--
-- A stage's place is the smallest entry number it was entered with plus one:
-- a jump over k stages is k rows, so a lead that climbs straight enters the
-- stages in the model's order.

-- Leads that made their first transition within the window, and how far they came since.
CREATE VIEW IF NOT EXISTS funnel AS
SELECT
    stage, place, reached,
    lagInFrame(reached) OVER w AS from_previous,
    if(from_previous = 0, NULL, reached / from_previous) AS step_rate,
    reached / first_value(reached) OVER w AS total_rate
FROM
(
    SELECT
        s.1 AS stage,
        min(s.2) AS place,
        uniqExact(lead_id) AS reached
    FROM
    (
        SELECT
            lead_id,
            arrayJoin(arrayConcat([(argMin(from_stage, entry_no), 0)],
                arrayMap(e -> (e.2, e.1), arrayFilter(e -> e.3 != 'demote', groupUniqArray((entry_no, to_stage, direction)))))) AS s
        FROM stage_log
        WHERE site = {site:String} AND track = {track:String}
        GROUP BY lead_id
        HAVING argMin(at, entry_no) >= {from:DateTime64(3, 'UTC')} AND argMin(at, entry_no) < {to:DateTime64(3, 'UTC')}
    )
    WHERE stage NOT IN ('', 'lost')
    GROUP BY stage
)
WINDOW w AS (ORDER BY place, reached DESC, stage ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
ORDER BY place, reached DESC, stage
COMMENT 'How far the leads came that made their first transition in a window: funnel(site = ''demo'', track = ''default'', from = ''2026-01-01 00:00:00'', to = ''2026-02-01 00:00:00'')';
