-- A publication scores the history of all ids of a lead as one lead's, also the days that had closed before they were joined
-- (docs/decisions/019). The ledger's rows of before it keep the ids' own limits for those days, its own rows do not.
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS joined_united Array(UInt32) COMMENT 'Beside joined_leads: from this publication on no day of the id counts with its own limits any more; 0: none has scored it' AFTER joined_through;
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS own_united UInt32 COMMENT 'The same of the lead''s own id' AFTER own_through;

-- The fold of the ledger: all ids of a lead as one. A unit that two ids have brought counts once, limits a day and rules
-- that pay once are the lead's, but for days that had closed before an id was joined, as long as no publication has scored them as the lead's.
CREATE OR REPLACE VIEW lead_score_at AS
WITH
    toUnixTimestamp64Milli({at:DateTime64(3, 'UTC')}) AS at_ms,
    toUUID('00000000-0000-0000-0000-000000000000') AS nobody,
    parts AS
    (
        SELECT site, track, joined.1 AS lead_id, argMax(holder, joined.2) AS counts_for, argMax(joined.3, joined.2) AS closed, argMax(joined.4, joined.2) AS united
        FROM
        (
            SELECT site, track, lead_id AS holder,
                arrayJoin(arrayPushFront(arrayZip(joined_leads, joined_at, arrayResize(joined_through, length(joined_leads), toDate(0)), arrayResize(joined_united, length(joined_leads), 0::UInt32)), (lead_id, toDateTime64(0, 3, 'UTC'), own_through, own_united))) AS joined
            FROM lead_state FINAL
            WHERE notEmpty(joined_leads)
        )
        WHERE joined.2 <= {at:DateTime64(3, 'UTC')}
        GROUP BY site, track, lead_id
    )
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
            if(max(only_once), argMin(part_value, (first_day, part_lead)), sum(part_value)) AS rule_value
        FROM
        (
            SELECT site, track, lead_id, rule, nobody AS part_lead, first_day, facts.4 AS only_once, rule_newest AS part_newest, rule_group AS part_group, rule_bounds AS part_bounds, rule_value AS part_value
            FROM
            (
                SELECT -- a rule: its days, each up to the limit and faded since the day's end; or the first one
                    site, track, lead_id, rule,
                    min(day) AS first_day,
                    max(day_newest) AS rule_newest,
                    argMax(day_facts, day_newest) AS facts,
                    facts.1 AS rule_group,
                    (facts.2, facts.3) AS rule_bounds,
                    groupArray((day, day_units)) AS days,
                    if(facts.4,
                        facts.5 * if(facts.7 = 0, 1., exp2(-greatest(0, at_ms - 86400000 * (toInt64(toUInt16(first_day)) + 1)) / 86400000 / facts.7)),
                        arraySum(d -> facts.5 * least(d.2, facts.6)
                            * if(facts.7 = 0, 1., exp2(-greatest(0, at_ms - 86400000 * (toInt64(toUInt16(d.1)) + 1)) / 86400000 / facts.7)), days)) AS rule_value
                FROM
                (
                    SELECT -- a day, of the lead or of one of its ids
                        site, track, lead_id, rule, apart, day,
                        sum(unit_count) AS day_units,
                        max(unit_newest) AS day_newest,
                        argMax(unit_facts, unit_newest) AS day_facts
                    FROM
                    (
                        SELECT -- a unit: an event, or a view's dwell, which is cumulative
                            site, track, lead_id, rule, apart, day, unit_key,
                            max(units) AS unit_count,
                            max((received_at, model_version)) AS unit_newest,
                            argMax((rule_group, group_cap, group_floor, once, points, rule_limit, half_life_days), (received_at, model_version)) AS unit_facts
                        FROM
                        (
                            SELECT -- a row, with the lead that it counts for
                                l.site AS site, l.track AS track, l.rule AS rule, l.day AS day, l.unit_key AS unit_key, l.units AS units,
                                l.received_at AS received_at, l.model_version AS model_version,
                                l.rule_group AS rule_group, l.group_cap AS group_cap, l.group_floor AS group_floor,
                                l.once AS once, l.points AS points, l.rule_limit AS rule_limit, l.half_life_days AS half_life_days,
                                if(p.counts_for = nobody, l.lead_id, p.counts_for) AS lead_id,
                                if(l.day <= p.closed AND (p.united = 0 OR l.publication < p.united) AND NOT l.once, l.lead_id, nobody) AS apart
                            FROM
                            (
                                SELECT site, track, lead_id, rule, day, unit_key, units, received_at, model_version, publication, rule_group, group_cap, group_floor, once, points, rule_limit, half_life_days
                                FROM ledger
                                LEFT JOIN (SELECT site, max(through) AS horizon FROM ledger_horizon GROUP BY site) AS gone USING (site)
                                WHERE reason IN ('ok', 'cap') AND received_at <= {at:DateTime64(3, 'UTC')} AND day > horizon AND toDate({at:DateTime64(3, 'UTC')}) > horizon
                                    AND if(publication = 0,
                                        (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM ledger
                                            WHERE reason = 'published' AND received_at <= {at:DateTime64(3, 'UTC')}),
                                        (site, track, lead_id, publication) IN (SELECT site, track, lead_id, max(publication) FROM ledger
                                            WHERE reason = 'published' AND received_at <= {at:DateTime64(3, 'UTC')} GROUP BY site, track, lead_id))
                            ) AS l
                            LEFT ANY JOIN parts AS p ON l.site = p.site AND l.track = p.track AND l.lead_id = p.lead_id
                        )
                        GROUP BY site, track, lead_id, rule, apart, day, unit_key
                    )
                    GROUP BY site, track, lead_id, rule, apart, day
                )
                GROUP BY site, track, lead_id, rule
            )
            UNION ALL
            SELECT -- what is left of the days before the horizon, an id each
                f.site AS site, f.track AS track, if(p.counts_for = nobody, f.lead_id, p.counts_for) AS lead_id, f.rule AS rule, f.lead_id AS part_lead,
                f.first_day AS first_day, f.only_once AS only_once, f.part_newest AS part_newest, f.part_group AS part_group, f.part_bounds AS part_bounds, f.part_value AS part_value
            FROM
            (
                SELECT -- the newest sum, faded since
                    site, track, lead_id, rule,
                    argMax(ledger_folded.first_day, through) AS first_day,
                    argMax(once, through) AS only_once,
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
            ) AS f
            LEFT ANY JOIN parts AS p ON f.site = p.site AND f.track = p.track AND f.lead_id = p.lead_id
        )
        GROUP BY site, track, lead_id, rule
    )
    GROUP BY site, track, lead_id, rule_group
)
GROUP BY site, track, lead_id
COMMENT 'Score of every lead as it was known at any instant, folded from the ledger of all of its ids: lead_score_at(at = ''2026-01-31 12:00:00''), under the publication of the model that was in force for the lead then. An id that was joined by then has no row, its lead has. Columns: site, track, lead_id; score, clamped; group_values, what each group gave, by name';
