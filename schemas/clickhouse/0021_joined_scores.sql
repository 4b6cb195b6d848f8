-- The ledger of a person stands under each id that it was written for. What it takes to fold them as one lead: which
-- days of each id keep the id's own limits, because they had closed before the ids were joined (docs/decisions/021).
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS joined_through Array(Date) COMMENT 'Beside joined_leads: days up to this one had closed when the id was joined, and count with its own limits a day' AFTER joined_at;
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS own_through Date COMMENT 'The same of the lead''s own id: 1970-01-01 unless ids were joined and some of them split off again' AFTER joined_through;

-- The fold of the ledger: all ids of a lead as one. A unit that two ids have brought counts once, limits a day and rules
-- that pay once are the lead's, but for days that had closed before an id was joined.
CREATE OR REPLACE VIEW lead_score_at AS
WITH
    toUnixTimestamp64Milli({at:DateTime64(3, 'UTC')}) AS at_ms,
    toUUID('00000000-0000-0000-0000-000000000000') AS nobody,
    parts AS
    (
        SELECT site, track, joined.1 AS lead_id, argMax(holder, joined.2) AS counts_for, argMax(joined.3, joined.2) AS closed
        FROM
        (
            SELECT site, track, lead_id AS holder,
                arrayJoin(arrayPushFront(arrayZip(joined_leads, joined_at, arrayResize(joined_through, length(joined_leads), toDate(0))), (lead_id, toDateTime64(0, 3, 'UTC'), own_through))) AS joined
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
                                if(l.day <= p.closed AND NOT l.once, l.lead_id, nobody) AS apart
                            FROM
                            (
                                SELECT site, track, lead_id, rule, day, unit_key, units, received_at, model_version, rule_group, group_cap, group_floor, once, points, rule_limit, half_life_days
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

-- Who comes back, what brought them, what they did: a person's ids are one here, too. Stages are already: an id that was
-- joined is ruled out (fit X), and its way goes on in its lead's rows.

-- Ages a cohort has not wholly passed are blank, not low.
-- No FINAL: a set of days is the same with a repeated event.
CREATE OR REPLACE VIEW cohort_retention
(
    site            LowCardinality(String) COMMENT 'The site',
    week            Date COMMENT 'Monday (UTC) of the week of the first event',
    age_weeks       UInt8 COMMENT 'Whole weeks since the day (UTC) of the person''s own first event, 0 to 12',
    leads           UInt64 COMMENT 'People whose first event was in that week: all ids of a lead are one',
    active          Nullable(UInt64) COMMENT 'Of those, seen again at that age; NULL: not all of them are so old yet',
    share           Nullable(Float64) COMMENT 'active / leads'
)
AS
-- The last of a cohort came on week + 6 and is of this age until 7 * age_weeks + 6 days later.
WITH week + 7 * age_weeks + 13 <= toDate(now('UTC')) AS passed
SELECT
    site, week, age_weeks,
    count() AS leads,
    if(passed, countIf(has(ages, age_weeks)), NULL) AS active,
    active / leads AS share
FROM
(
    SELECT
        site, lead_id,
        groupUniqArray(toDate(event_time)) AS days,
        arrayMin(days) AS first_day,
        toStartOfWeek(first_day, 1) AS week,
        arrayDistinct(arrayMap(day -> intDiv(day - first_day, 7), days)) AS ages
    FROM (
        SELECT e.site AS site, e.event_time AS event_time, if(i.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), e.lead_id, i.counts_for) AS lead_id
        FROM events AS e
        LEFT ANY JOIN lead_ids AS i ON e.site = i.site AND e.lead_id = i.lead_id
        WHERE NOT e.bot
    )
    GROUP BY site, lead_id
)
ARRAY JOIN range(13)::Array(UInt8) AS age_weeks
GROUP BY site, week, age_weeks
ORDER BY site, week, age_weeks
COMMENT 'Of the people of a week, how many were seen again at each age; blank where the age has not passed. Without bots';

-- A touch is a view of a page that came from outside: not from another page of
-- the site. Last touch: the newest before the stage was entered that is not
-- `direct` (a bookmark did not win anybody), else the newest, else the first.
-- Who has no touch at all (an import, a CRM's own lead) has channel ''.
CREATE OR REPLACE VIEW source_attribution
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    touch           LowCardinality(String) COMMENT 'first: what brought the visitor at first. last: what brought the lead last before it entered the stage, direct visits left aside. Never add the two up',
    channel         LowCardinality(String) COMMENT 'search, social, mail, paid, ai, referral, direct; empty: no touch is known',
    source          LowCardinality(String) COMMENT 'utm_source of the touch',
    campaign        LowCardinality(String) COMMENT 'utm_campaign of the touch',
    stage           LowCardinality(String) COMMENT 'The stage',
    place           UInt32 COMMENT 'Place of the stage on the path, from 1; 0: lost',
    leads           UInt64 COMMENT 'Leads that ever entered the stage, each once',
    amounts         Map(String, Float64) COMMENT 'What their deals are worth as of the newest entry of this stage that said so, by currency; for stage won: what was won'
)
AS
WITH
    arrayFilter(t -> t.1 <= entered_at, touches) AS before,
    arrayLast(t -> t.2 != 'direct', before) AS last_marked,
    multiIf(last_marked.2 != '', last_marked, notEmpty(before), before[-1], touches[1]) AS last_touch
SELECT
    site, track, touch, t.2 AS channel, t.3 AS source, t.4 AS campaign, stage, any(place) AS place,
    count() AS leads,
    sumMap(if(amount = 0, map(), map(currency::String, amount))) AS amounts
FROM
(
    SELECT site, track, lead_id, stage, place, entered_at, amount, currency, touches
    FROM
    (
        SELECT v.site AS site, v.track AS track, v.lead_id AS lead_id, v.stage AS stage, any(v.place) AS place, min(v.entered_at) AS entered_at,
               argMaxIf(s.amount, s.entry_no, s.amount != 0) AS amount, argMaxIf(s.currency, s.entry_no, s.amount != 0) AS currency
        FROM stage_visits AS v
        INNER JOIN (SELECT site, track, lead_id, entry_no, amount, currency FROM stage_log FINAL) AS s USING (site, track, lead_id, entry_no)
        GROUP BY site, track, lead_id, stage
    ) AS reached
    LEFT JOIN
    (
        SELECT site, lead_id, arraySort(groupUniqArray((event_time, channel, utm_source, utm_campaign))) AS touches
        FROM (
            SELECT e.site AS site, e.event_time AS event_time, e.channel AS channel, e.utm_source AS utm_source, e.utm_campaign AS utm_campaign, if(i.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), e.lead_id, i.counts_for) AS lead_id
            FROM events AS e
            LEFT ANY JOIN lead_ids AS i ON e.site = i.site AND e.lead_id = i.lead_id
            WHERE e.type IN ('page', 'screen') AND e.channel NOT IN ('', 'internal') AND NOT e.bot
        )
        GROUP BY site, lead_id
    ) AS came USING (site, lead_id)
)
ARRAY JOIN ['first', 'last'] AS touch, [touches[1], last_touch] AS t
GROUP BY site, track, touch, channel, source, campaign, stage
ORDER BY site, track, touch, channel, source, campaign, place, stage
COMMENT 'Leads and deal amounts of every stage by the channel, source and campaign of the first and of the last touch. Without ruled-out leads (fit X)';

-- The landmark: what a lead did in its first 7 days in the stage, and whether it
-- came further afterwards. Who left before day 7 is marked, to be left out:
-- winners stay longer and would meet more rules by that alone.
-- No FINAL on the ledger: a set of rules is the same with a repeated row.
CREATE OR REPLACE VIEW driver_exposure
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    lead_id         UUID COMMENT 'The lead',
    stage           LowCardinality(String) COMMENT 'The stage',
    place           UInt32 COMMENT 'Place of the stage on the path, from 1',
    entered_at      DateTime64(3, 'UTC') COMMENT 'When the lead first entered it',
    rules           Array(LowCardinality(String)) COMMENT 'Rules that the lead met within 7 days after entering, sorted; has(rules, ''pricing'') is exposure, ARRAY JOIN gives a row a rule',
    at_risk         Bool COMMENT 'Still in the stage 7 days after entering: only these leads may be compared',
    matured         Bool COMMENT '37 days have passed since entering: 7 to look, 30 to come further',
    moved_on        Bool COMMENT 'Came further on the path after day 7, by day 37'
)
AS
WITH entered_at + INTERVAL 7 DAY AS landmark, entered_at + INTERVAL 37 DAY AS judged_at
SELECT
    site, track, lead_id, stage, place, entered_at,
    arraySort(arrayDistinct(arrayMap(m -> m.2, arrayFilter(m -> m.1 >= entered_at AND m.1 <= landmark, met)))) AS rules,
    ifNull(left_at > landmark, landmark <= now64(3, 'UTC')) AS at_risk,
    judged_at <= now64(3, 'UTC') AS matured,
    ifNull(moved_on_at > landmark AND moved_on_at <= judged_at, false) AS moved_on
FROM stage_visits
LEFT JOIN
(
    SELECT site, track, lead_id, groupUniqArray((event_time, rule)) AS met
    FROM (
        SELECT e.site AS site, e.track AS track, e.event_time AS event_time, e.rule AS rule, if(i.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), e.lead_id, i.counts_for) AS lead_id
        FROM ledger AS e
        LEFT ANY JOIN lead_ids AS i ON e.site = i.site AND e.lead_id = i.lead_id
        WHERE e.reason IN ('ok', 'cap')
    )
    GROUP BY site, track, lead_id
) AS did USING (site, track, lead_id)
WHERE first_visit AND stage NOT IN ('won', 'lost')
COMMENT 'One row a lead and stage: the rules met in the first 7 days, and whether the lead came further in the 30 days after. Compare only rows with at_risk AND matured';
