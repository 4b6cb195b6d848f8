-- Who comes back, what brought them, what they did: events beside the stages.
-- Events are joined by lead_id, the visitor's own: ids of one person are not
-- joined yet.

-- Ages a cohort has not wholly passed are blank, not low.
-- No FINAL: a set of days is the same with a repeated event.
CREATE VIEW IF NOT EXISTS cohort_retention
(
    site            LowCardinality(String) COMMENT 'The site',
    week            Date COMMENT 'Monday (UTC) of the week of the first event',
    age_weeks       UInt8 COMMENT 'Whole weeks since the day (UTC) of the visitor''s own first event, 0 to 12',
    leads           UInt64 COMMENT 'Visitors whose first event was in that week',
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
    FROM events
    WHERE NOT bot
    GROUP BY site, lead_id
)
ARRAY JOIN range(13)::Array(UInt8) AS age_weeks
GROUP BY site, week, age_weeks
ORDER BY site, week, age_weeks
COMMENT 'Of the visitors of a week, how many were seen again at each age; blank where the age has not passed. Without bots';

-- A touch is a view of a page that came from outside: not from another page of
-- the site. Last touch: the newest before the stage was entered that is not
-- `direct` (a bookmark did not win anybody), else the newest, else the first.
-- Who has no touch at all (an import, a CRM's own lead) has channel ''.
CREATE VIEW IF NOT EXISTS source_attribution
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
        FROM events
        WHERE type IN ('page', 'screen') AND channel NOT IN ('', 'internal') AND NOT bot
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
CREATE VIEW IF NOT EXISTS driver_exposure
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
    FROM ledger
    WHERE reason IN ('ok', 'cap')
    GROUP BY site, track, lead_id
) AS did USING (site, track, lead_id)
WHERE first_visit AND stage NOT IN ('won', 'lost')
COMMENT 'One row a lead and stage: the rules met in the first 7 days, and whether the lead came further in the 30 days after. Compare only rows with at_risk AND matured';
