package sink

// foldDays is the fold of view lead_score_at up to a day's end, on top of what was folded before. $1 is the site, $2 the day.
// Rows below the present horizon are what an earlier run could not remove any more; they are in the sums already.
//
// Ids that are joined share a day's limit: each keeps its part of what the day gave the lead, in the order of ids, and a unit
// that two of them have brought is one's. So the sums of a lead's ids are what its days gave, to which nobody can add any more.
const foldDays = `INSERT INTO ledger_folded (site, track, lead_id, rule, publication, through, first_day, rule_group, group_cap, group_floor, once, half_life_days, value)
WITH
    toDate($2) AS fold_through,
    (SELECT max(through) FROM ledger_horizon WHERE site = $1) AS horizon,
    toUUID('00000000-0000-0000-0000-000000000000') AS nobody,
    parts AS
    (
        SELECT site, track, joined.1 AS lead_id, argMax(holder, joined.2) AS counts_for, argMax(joined.3, joined.2) AS closed, argMax(joined.4, joined.2) AS united
        FROM
        (
            SELECT site, track, lead_id AS holder,
                arrayJoin(arrayPushFront(arrayZip(joined_leads, joined_at, arrayResize(joined_through, length(joined_leads), toDate(0)), arrayResize(joined_united, length(joined_leads), 0::UInt32)), (lead_id, toDateTime64(0, 3, 'UTC'), own_through, own_united))) AS joined
            FROM lead_state FINAL
            WHERE site = $1 AND notEmpty(joined_leads)
        )
        GROUP BY site, track, lead_id
    )
SELECT
    site, track, lead_id, rule, publication, fold_through,
    if(before.first_day = toDate(0), days.first_day, least(before.first_day, days.first_day)) AS first_day,
    facts.1, facts.2, facts.3, facts.4, facts.7,
    if(facts.4 AND before.first_day != toDate(0), 0., day_value)
        + if(before.first_day = toDate(0), 0., before.value * if(facts.7 = 0, 1., exp2(-toFloat64(fold_through - before.through) / facts.7)))
FROM
(
    SELECT -- a rule of an id: its parts of the days
        site, track, owner AS lead_id, rule, publication,
        min(day) AS first_day,
        argMax(day_facts, day_newest) AS facts,
        groupArray((day, upto - own_units, upto)) AS list,
        if(facts.4,
            facts.5 * if(facts.7 = 0, 1., exp2(-toFloat64(fold_through - first_day) / facts.7)),
            arraySum(d -> facts.5 * (toFloat64(least(d.3, facts.6)) - toFloat64(least(d.2, facts.6))) * if(facts.7 = 0, 1., exp2(-toFloat64(fold_through - d.1) / facts.7)), list)) AS day_value
    FROM
    (
        SELECT site, track, rule, publication, day, owner, own_units, day_newest, day_facts,
            sum(own_units) OVER (PARTITION BY site, track, holder, apart, rule, publication, day ORDER BY owner ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto
        FROM
        (
            SELECT site, track, holder, apart, rule, publication, day, owner, sum(unit_count) AS own_units, max(unit_newest) AS day_newest, argMax(unit_facts, unit_newest) AS day_facts
            FROM
            (
                SELECT
                    l.site AS site, l.track AS track, if(p.counts_for = nobody, l.lead_id, p.counts_for) AS holder,
                    if(l.day <= p.closed AND (p.united = 0 OR l.publication < p.united) AND NOT l.once, l.lead_id, nobody) AS apart,
                    l.rule AS rule, l.publication AS publication, l.day AS day, l.unit_key AS unit_key,
                    argMax(l.lead_id, (l.units, l.lead_id)) AS owner,
                    max(l.units) AS unit_count,
                    max((l.received_at, l.model_version)) AS unit_newest,
                    argMax((l.rule_group, l.group_cap, l.group_floor, l.once, l.points, l.rule_limit, l.half_life_days), (l.received_at, l.model_version)) AS unit_facts
                FROM (SELECT * FROM ledger WHERE site = $1 AND reason IN ('ok', 'cap') AND day <= fold_through AND day > horizon) AS l
                LEFT ANY JOIN parts AS p ON l.site = p.site AND l.track = p.track AND l.lead_id = p.lead_id
                GROUP BY site, track, holder, apart, rule, publication, day, unit_key
            )
            GROUP BY site, track, holder, apart, rule, publication, day, owner
        )
    )
    GROUP BY site, track, lead_id, rule, publication
) AS days
LEFT JOIN
(
    SELECT site, track, lead_id, rule, publication, argMax(f.through, f.through) AS through, argMax(f.value, f.through) AS value, argMax(f.first_day, f.through) AS first_day
    FROM ledger_folded AS f
    WHERE site = $1 AND f.through <= horizon
    GROUP BY site, track, lead_id, rule, publication
) AS before USING (site, track, lead_id, rule, publication)`
