-- The ledger may forget its old days (sink.retention): what they gave is summed up
-- first, a row a rule, faded to the end of the last day that is gone. The score of an
-- instant before that cannot be told any more, and lead_score_at has no row for it.
CREATE TABLE IF NOT EXISTS ledger_folded
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    lead_id         UUID COMMENT 'The lead',
    rule            LowCardinality(String) COMMENT 'The rule',
    publication     UInt32 COMMENT 'The publication that wrote the rows, 0: none',
    through         Date COMMENT 'The last UTC day in the sum; it counts from when ledger_horizon has it',
    first_day       Date COMMENT 'The first day on which the rule was met: the one that counts when it counts once',
    rule_group      LowCardinality(String) COMMENT 'The rule''s group',
    group_cap       Float64 COMMENT 'Most the group can give',
    group_floor     Float64 COMMENT 'Least the group can give',
    once            Bool COMMENT 'Only the first day counts',
    half_life_days  Float64 COMMENT 'Days until half of it is gone; 0: never fades',
    value           Float64 COMMENT 'Points of all days up to through, as they stand at its end'
)
ENGINE = ReplacingMergeTree
ORDER BY (site, track, lead_id, rule, publication, through)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What the ledger''s days gave that are gone by retention. Read it through view lead_score_at';

CREATE TABLE IF NOT EXISTS ledger_horizon
(
    site            LowCardinality(String) COMMENT 'The site',
    through         Date COMMENT 'Days up to and including this one are in ledger_folded; their rows in ledger mean nothing any more'
)
ENGINE = ReplacingMergeTree
ORDER BY (site, through)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'How far the ledger has been summed up, a site: the newest row counts';

-- The fold of the ledger, with what is left of the days that are gone.
CREATE OR REPLACE VIEW lead_score_at AS
WITH toUnixTimestamp64Milli({at:DateTime64(3, 'UTC')}) AS at_ms
SELECT
    site, track, lead_id,
    least(100., greatest(-100., sum(group_value))) AS score,
    mapFromArrays(groupArray(rule_group), groupArray(group_value)) AS group_values
FROM
(
    SELECT -- a group: clamped when read, never when kept
        site, track, lead_id, rule_group,
        argMax(rule_bounds, rule_newest) AS bounds,
        least(bounds.1, greatest(bounds.2, sum(rule_value))) AS group_value
    FROM
    (
        SELECT -- a rule: what its days give, and what those give that the ledger has no rows of any more
            site, track, lead_id, rule,
            argMax(part_group, part_newest) AS rule_group,
            argMax(part_bounds, part_newest) AS rule_bounds,
            max(part_newest) AS rule_newest,
            if(max(folded AND only_once), sumIf(part_value, folded = 1), sum(part_value)) AS rule_value
        FROM
        (
            SELECT site, track, lead_id, rule, 0 AS folded, facts.4 AS only_once, rule_newest AS part_newest, rule_group AS part_group, rule_bounds AS part_bounds, rule_value AS part_value
            FROM
            (
                SELECT -- a rule: its days, each up to the limit and faded since the day's end; or the first one
                    site, track, lead_id, rule,
                    max(day_newest) AS rule_newest,
                    argMax(day_facts, day_newest) AS facts,
                    facts.1 AS rule_group,
                    (facts.2, facts.3) AS rule_bounds,
                    groupArray((day, day_units)) AS days,
                    min(day) AS first_day,
                    arraySum(d -> if(facts.4 AND d.1 != first_day, 0.,
                        facts.5 * least(d.2, facts.6)
                            * if(facts.7 = 0, 1., exp2(-greatest(0, at_ms - 86400000 * (toInt64(toUInt16(d.1)) + 1)) / 86400000 / facts.7))), days) AS rule_value
                FROM
                (
                    SELECT -- a day
                        site, track, lead_id, rule, day,
                        sum(unit_count) AS day_units,
                        max(unit_newest) AS day_newest,
                        argMax(unit_facts, unit_newest) AS day_facts
                    FROM
                    (
                        SELECT -- a unit: an event, or a view's dwell, which is cumulative
                            site, track, lead_id, rule, day, unit_key,
                            max(units) AS unit_count,
                            max((received_at, model_version)) AS unit_newest,
                            argMax((rule_group, group_cap, group_floor, once, points, rule_limit, half_life_days), (received_at, model_version)) AS unit_facts
                        FROM ledger
                        LEFT JOIN (SELECT site, max(through) AS horizon FROM ledger_horizon GROUP BY site) AS gone USING (site)
                        WHERE reason IN ('ok', 'cap') AND received_at <= {at:DateTime64(3, 'UTC')} AND day > horizon AND toDate({at:DateTime64(3, 'UTC')}) > horizon
                            AND if(publication = 0,
                                (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM ledger
                                    WHERE reason = 'published' AND received_at <= {at:DateTime64(3, 'UTC')}),
                                (site, track, lead_id, publication) IN (SELECT site, track, lead_id, max(publication) FROM ledger
                                    WHERE reason = 'published' AND received_at <= {at:DateTime64(3, 'UTC')} GROUP BY site, track, lead_id))
                        GROUP BY site, track, lead_id, rule, day, unit_key
                    )
                    GROUP BY site, track, lead_id, rule, day
                )
                GROUP BY site, track, lead_id, rule
            )
            UNION ALL
            SELECT -- the newest sum of the days before the horizon, faded since
                site, track, lead_id, rule, 1 AS folded, argMax(once, through) AS only_once,
                argMax((toDateTime64(through, 3, 'UTC'), CAST('', 'LowCardinality(String)')), through) AS part_newest,
                argMax(rule_group, through) AS part_group,
                argMax((group_cap, group_floor), through) AS part_bounds,
                argMax(value * if(half_life_days = 0, 1., exp2(-(at_ms - 86400000 * (toInt64(toUInt16(through)) + 1)) / 86400000 / half_life_days)), through) AS part_value
            FROM ledger_folded
            INNER JOIN (SELECT site, max(through) AS horizon FROM ledger_horizon GROUP BY site) AS gone USING (site)
            WHERE through <= horizon AND toDate({at:DateTime64(3, 'UTC')}) > horizon
                AND if(publication = 0,
                    (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM ledger
                        WHERE reason = 'published' AND received_at <= {at:DateTime64(3, 'UTC')}),
                    (site, track, lead_id, publication) IN (SELECT site, track, lead_id, max(publication) FROM ledger
                        WHERE reason = 'published' AND received_at <= {at:DateTime64(3, 'UTC')} GROUP BY site, track, lead_id))
            GROUP BY site, track, lead_id, rule
        )
        GROUP BY site, track, lead_id, rule
    )
    GROUP BY site, track, lead_id, rule_group
)
GROUP BY site, track, lead_id
COMMENT 'Score of every lead as it was known at any instant, folded from the ledger: lead_score_at(at = ''2026-01-31 12:00:00''), under the publication of the model that was in force for the lead then. Columns: site, track, lead_id; score, clamped; group_values, what each group gave, by name';
