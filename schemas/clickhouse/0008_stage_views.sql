-- Conversion, velocity and leaks: what became of every stay in a stage.
--
-- "Further" needs the path's order, which no table holds: a stage's place is the
-- smallest entry number it was ever entered with by climbing. A jump over k
-- stages is k rows, so a lead that climbs straight enters them in the model's
-- order. `lost` is no place on the path and gets 0.
--
-- Leads that a flag rules out (fit X: employees, rivals, bots) are in no view:
-- they would be leads that never buy. `leadstream report` leaves them out too.
--
-- FINAL: a repeated row of the log would be one more stay.
CREATE VIEW IF NOT EXISTS stage_visits
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    lead_id         UUID COMMENT 'The lead',
    entry_no        UInt32 COMMENT 'The transition that began the stay; joins stage_log',
    stage           LowCardinality(String) COMMENT 'The stage',
    place           UInt32 COMMENT 'Place of the stage on the path, from 1; 0: lost',
    first_visit     Bool COMMENT 'The lead''s first stay in this stage',
    entered_at      DateTime64(3, 'UTC') COMMENT 'When it was entered',
    left_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was left; NULL: the lead is still there',
    left_to         LowCardinality(String) COMMENT 'The stage it was left for; empty: the lead is still there',
    moved_on_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'When the lead first came further on the path after this entry; NULL: never yet',
    lost_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When the lead was first lost after this entry; NULL: never yet',
    fell_at         Nullable(DateTime64(3, 'UTC')) COMMENT 'When the stay ended by falling back on the path; NULL: it did not'
)
AS
WITH
    arrayFirstIndex(x -> x.1 > entry_no AND x.3 > place, log) AS further,
    arrayFirstIndex(x -> x.1 > entry_no AND x.2 = 'lost', log) AS lost
SELECT
    site, track, lead_id, log[i].1 AS entry_no, log[i].2 AS stage, log[i].3 AS place,
    arrayFirstIndex(x -> x.2 = stage, log) = i AS first_visit,
    log[i].4 AS entered_at,
    if(i = length(log), NULL, log[i + 1].4) AS left_at,
    if(i = length(log), '', log[i + 1].2) AS left_to,
    if(further = 0, NULL, log[further].4) AS moved_on_at,
    if(lost = 0, NULL, log[lost].4) AS lost_at,
    if(i < length(log) AND log[i + 1].3 BETWEEN 1 AND place - 1, left_at, NULL) AS fell_at
FROM
(
    SELECT site, track, lead_id, arraySort(x -> x.1, groupArray((entry_no, to_stage, place, at))) AS log
    FROM
    (
        SELECT site, track, lead_id, entry_no, to_stage, at
        FROM stage_log FINAL
        WHERE to_stage != '' AND (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM lead_state FINAL WHERE fit = 'X')
    ) AS entry
    LEFT JOIN
    (
        SELECT site, track, to_stage, min(entry_no) AS place
        FROM stage_log
        WHERE direction != 'demote' AND to_stage != 'lost'
        GROUP BY site, track, to_stage
    ) AS path USING (site, track, to_stage)
    GROUP BY site, track, lead_id
)
ARRAY JOIN arrayEnumerate(log) AS i
COMMENT 'One row a stay of a lead in a stage: when it came, left, came further, was lost or fell. Without ruled-out leads (fit X)';

-- Only leads that have had their 30 days are judged, and only by their first 30
-- days: counting young entries as failures promises too little, counting those
-- of them that were quick promises too much.
CREATE VIEW IF NOT EXISTS stage_conversion
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    month           Date COMMENT 'Month (UTC) in which the leads first entered the stage',
    stage           LowCardinality(String) COMMENT 'The stage',
    place           UInt32 COMMENT 'Place of the stage on the path, from 1',
    entered         UInt64 COMMENT 'Leads that first entered the stage in this month',
    matured         UInt64 COMMENT 'Of those, leads that entered at least 30 days ago: only they are judged',
    moved_on        UInt64 COMMENT 'Of the matured, leads that came further on the path within 30 days',
    lost            UInt64 COMMENT 'Of the matured that did not come further, leads lost within 30 days',
    rate            Nullable(Float64) COMMENT 'moved_on / matured; NULL: nobody has matured yet',
    won             UInt64 COMMENT 'Of the matured, leads won at any time since'
)
AS
WITH entered_at + INTERVAL 30 DAY AS judged_at, judged_at <= now64(3, 'UTC') AS old
SELECT
    site, track, toStartOfMonth(entered_at) AS month, stage, any(place) AS place,
    count() AS entered,
    countIf(old) AS matured,
    countIf(old AND ifNull(moved_on_at <= judged_at, false)) AS moved_on,
    countIf(old AND ifNull(lost_at <= judged_at, false) AND NOT ifNull(moved_on_at <= judged_at, false)) AS lost,
    if(matured = 0, NULL, moved_on / matured) AS rate,
    countIf(old AND (site, track, lead_id) IN (SELECT site, track, lead_id FROM stage_log WHERE to_stage = 'won')) AS won
FROM stage_visits
WHERE first_visit AND stage NOT IN ('won', 'lost')
GROUP BY site, track, month, stage
ORDER BY site, track, month, place
COMMENT 'Leads that came further within 30 days of first entering a stage, by month of entry; leads younger than that are counted, not judged';

-- Kaplan-Meier: the chance to be there still after t is the product of
-- (1 - 1 / stays that lasted so long) over the ended stays up to t. A stay that
-- goes on counts as long as it has lasted, so slow stages do not look quick.
CREATE VIEW IF NOT EXISTS stage_velocity
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    stage           LowCardinality(String) COMMENT 'The stage',
    place           UInt32 COMMENT 'Place of the stage on the path, from 1; 0: lost',
    visits          UInt64 COMMENT 'Stays in the stage; a lead may have several',
    open            UInt64 COMMENT 'Of those, stays that go on: counted as long as they have lasted (censored)',
    days_p50        Nullable(Float64) COMMENT 'Days by which half of the stays have ended, open ones counted fairly (Kaplan-Meier); NULL: fewer than half have ended so far',
    days_p90        Nullable(Float64) COMMENT 'Days by which 90 % of the stays have ended, open ones counted fairly; NULL: fewer have ended so far',
    open_days_p50   Nullable(Float64) COMMENT 'Median age of the open stays in days; NULL: none is open'
)
AS
WITH
    -- At the same length an ended stay comes before an open one, as the estimator asks.
    arraySort(groupArray((greatest(0, dateDiff('millisecond', entered_at, ifNull(left_at, now64(3, 'UTC')))) / 86400000, left_at IS NULL))) AS stays,
    arrayCumSum(arrayMap((stay, i) -> if(stay.2, 0., log(1 - 1 / (length(stays) - i + 1))), stays, arrayEnumerate(stays))) AS log_there,
    -- A whisker above the bound: sums of logarithms miss 0.5 by some 1e-16.
    arrayFirstIndex(x -> x <= log(0.5) + 1e-9, log_there) AS half,
    arrayFirstIndex(x -> x <= log(0.1) + 1e-9, log_there) AS most
SELECT
    site, track, stage, any(place) AS place,
    count() AS visits,
    countIf(left_at IS NULL) AS open,
    if(half = 0, NULL, stays[half].1) AS days_p50,
    if(most = 0, NULL, stays[most].1) AS days_p90,
    if(open = 0, NULL, arrayReduce('quantileExact(0.5)', arrayMap(s -> s.1, arrayFilter(s -> s.2, stays)))) AS open_days_p50
FROM stage_visits
GROUP BY site, track, stage
ORDER BY site, track, place, stage
COMMENT 'How long stays in a stage last: median and 90th percentile by Kaplan-Meier, open stays counted as long as they have lasted';

-- Both periods are judged alike: 30 days of entries, each by its first 30 days.
CREATE VIEW IF NOT EXISTS leaks
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    stage           LowCardinality(String) COMMENT 'The stage',
    place           UInt32 COMMENT 'Place of the stage on the path, from 1',
    entered         UInt64 COMMENT 'Leads that first entered the stage 60 to 30 days ago, each judged by its first 30 days',
    moved_on        UInt64 COMMENT 'Of those, came further on the path',
    lost            UInt64 COMMENT 'Of those, did not come further and were lost',
    fell            UInt64 COMMENT 'Of those, neither came further nor were lost, and fell back',
    stalled         UInt64 COMMENT 'Of those, none of it: still there after 30 days',
    leak_rate       Nullable(Float64) COMMENT 'Share that did not come further; NULL: nobody entered',
    previous_entered UInt64 COMMENT 'Leads that first entered the stage 90 to 60 days ago',
    previous_leak_rate Nullable(Float64) COMMENT 'Share of those that did not come further; NULL: nobody entered',
    change          Nullable(Float64) COMMENT 'leak_rate - previous_leak_rate; above 0: leaks more than before',
    z               Nullable(Float64) COMMENT 'The change in standard errors (two-proportion z, pooled): beyond 2 it is hardly chance, if you look at one stage only; with many stages ask for more',
    leads_at_stake  Nullable(Float64) COMMENT 'entered x change: how many leads more than before were left behind'
)
AS
WITH
    entered_at + INTERVAL 30 DAY AS judged_at,
    entered_at > now64(3, 'UTC') - INTERVAL 60 DAY AS recent,
    ifNull(moved_on_at <= judged_at, false) AS went_on,
    ifNull(lost_at <= judged_at, false) AS was_lost,
    ifNull(fell_at <= judged_at, false) AS has_fallen,
    countIf(NOT recent AND went_on) AS previous_moved_on,
    (moved_on + previous_moved_on) / (entered + previous_entered) AS pooled
SELECT
    site, track, stage, any(place) AS place,
    countIf(recent) AS entered,
    countIf(recent AND went_on) AS moved_on,
    countIf(recent AND NOT went_on AND was_lost) AS lost,
    countIf(recent AND NOT went_on AND NOT was_lost AND has_fallen) AS fell,
    entered - moved_on - lost - fell AS stalled,
    if(entered = 0, NULL, 1 - moved_on / entered) AS leak_rate,
    countIf(NOT recent) AS previous_entered,
    if(previous_entered = 0, NULL, 1 - previous_moved_on / previous_entered) AS previous_leak_rate,
    leak_rate - previous_leak_rate AS change,
    if(pooled <= 0 OR pooled >= 1, NULL, change / sqrt(pooled * (1 - pooled) * (1 / entered + 1 / previous_entered))) AS z,
    entered * change AS leads_at_stake
FROM stage_visits
WHERE first_visit AND stage NOT IN ('won', 'lost')
    AND entered_at <= now64(3, 'UTC') - INTERVAL 30 DAY AND entered_at > now64(3, 'UTC') - INTERVAL 90 DAY
GROUP BY site, track, stage
ORDER BY site, track, place
COMMENT 'Where leads stop: who first entered a stage and did not come further within 30 days, against the 30 days before';
