-- Views are the analyst's way in: no row repeated in a table changes their answers.

-- Score, grade and stage of every lead at an instant not before its newest event.
-- A term without a bounded group adds itself.
CREATE VIEW IF NOT EXISTS leads_at AS
SELECT
    site, track, lead_id, anonymous_id, user_id, name, email, company, country, traits,
    arrayMap((v, a, h) -> if(h = 0, v, v * exp2(-greatest(0, toUnixTimestamp64Milli({at:DateTime64(3, 'UTC')}) - toUnixTimestamp64Milli(a)) / 86400000 / h)),
             term_value, term_anchor, term_half_life) AS term_now,
    arrayMap((g, c, f) -> least(c, greatest(f, arraySum((v, tg) -> if(tg = g, v, 0), term_now, term_group))),
             group_name, group_cap, group_floor) AS group_now,
    least(100., greatest(-100., arraySum(group_now) + arraySum((v, tg) -> if(has(group_name, tg), 0, v), term_now, term_group))) AS score,
    toUInt8(1 + arrayCount(b -> score < b, bands)) AS engagement,
    fit,
    if(fit = 'X', 'X', concat(fit, toString(engagement))) AS grade,
    stage, stage_order, sub_stage, stage_since, entry_no,
    first_seen, last_seen, sessions, last_type, last_name, last_path, last_rule, flags,
    term_rule, term_group, term_interest, group_name,
    falls_at, falls_to, model_version, revision, received_at, inserted_at
FROM lead_state FINAL
COMMENT 'Score, grade and stage of every lead at an instant: leads_at(at = ''2026-01-31 12:00:00''). Not for instants before a lead''s newest event: lead_score_at is';

-- The instant carries its zone: a server or session in another one must not shift it.
CREATE VIEW IF NOT EXISTS leads AS
SELECT * FROM leads_at(at = now64(3, 'UTC'))
COMMENT 'Score, grade and stage of every lead and track, as of now';

-- Whom to call first.
CREATE VIEW IF NOT EXISTS hot_leads AS
SELECT *
FROM leads
WHERE fit != 'X' AND stage NOT IN ('won', 'lost')
ORDER BY score DESC, last_seen DESC, lead_id
LIMIT 100 BY site, track
COMMENT 'The 100 highest scores of every site and track, without excluded, won and lost leads';

-- The fold of the ledger: the score as of any instant, with all that is known
-- today of what had happened by then. An event whose clock ran ahead counts
-- from its receipt.
-- No FINAL: max(units) per unit_key gives the same for a row that stands twice.
CREATE VIEW IF NOT EXISTS lead_score_at AS
SELECT
    site, track, lead_id,
    least(100., greatest(-100., sum(group_value))) AS score,
    mapFromArrays(groupArray(rule_group), groupArray(group_value)) AS groups
FROM
(
    SELECT
        site, track, lead_id, rule_group,
        if(rule_group = '', sum(rule_value),
           least(argMax(group_cap, newest), greatest(argMax(group_floor, newest), sum(rule_value)))) AS group_value
    FROM
    (
        SELECT
            site, track, lead_id, rule,
            argMax(rule_group, day) AS rule_group,
            argMax(group_cap, day) AS group_cap,
            argMax(group_floor, day) AS group_floor,
            max(newest) AS newest,
            if(argMax(once, day), argMin(day_value, day), sum(day_value)) AS rule_value
        FROM
        (
            SELECT
                site, track, lead_id, rule, day,
                max(newest) AS newest,
                argMax(r, newest) AS d,
                d.1 AS rule_group, d.2 AS group_cap, d.3 AS group_floor, d.4 AS once,
                d.5 * if(d.6 = 0, sum(units), least(sum(units), d.6))
                    * if(d.7 = 0, 1., exp2(-greatest(0, toUnixTimestamp64Milli({at:DateTime64(3, 'UTC')}) - 86400000 * (toInt64(toUInt16(day)) + 1)) / 86400000 / d.7)) AS day_value
            FROM
            (
                SELECT
                    site, track, lead_id, rule, day, unit_key,
                    max(ledger.units) AS units,
                    max(received_at) AS newest,
                    argMax((rule_group, group_cap, group_floor, once, points, rule_limit, half_life_days), received_at) AS r
                FROM ledger
                WHERE reason IN ('ok', 'cap') AND least(event_time, received_at) <= {at:DateTime64(3, 'UTC')}
                GROUP BY site, track, lead_id, rule, day, unit_key
            )
            GROUP BY site, track, lead_id, rule, day
        )
        GROUP BY site, track, lead_id, rule
    )
    GROUP BY site, track, lead_id, rule_group
)
GROUP BY site, track, lead_id
COMMENT 'Score of every lead as of any instant, folded from the ledger: lead_score_at(at = ''2026-01-31 12:00:00'')';
