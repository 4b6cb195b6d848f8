-- The hot list without adding up every lead.
--
-- A score only fades between two events, so a lead's parts give an upper bound of its score at every instant:
--   least(bound_most, bound_keep + bound_fade * 2^(-max(0, t - bound_from) / bound_half_life))
-- Five small columns, made when the row is written. A list of the hottest then reads those of all leads (without
-- FINAL: the newest revision is among the rows), adds up only the few leads whose bound is highest, and with the
-- hundredth score of those in hand adds up only the leads whose bound reaches it. What it leaves out cannot be in
-- the list, so the answer is the same as that of adding up all.
--
-- bound_most: each group by its positive parts, unfaded, clamped as view leads_at clamps it; parts without a group.
-- bound_keep and bound_fade: positive parts that never fade, and those that do, without the groups' caps, because
-- what a cap hides fades first. All rounded up by a millionth, which is more than Float32 loses.
ALTER TABLE lead_state
    ADD COLUMN IF NOT EXISTS bound_most Float32
        MATERIALIZED least(1e30, 1.000001 * (
            arraySum(arrayMap((g, c, f) -> least(c, greatest(f, arraySum((v, of) -> if(of = g AND v > 0, v, 0.), term_value, term_group))), group_name, group_cap, group_floor))
            + arraySum((v, of) -> if(v > 0 AND NOT has(group_name, of), v, 0.), term_value, term_group)))
        COMMENT 'For the hot list: the score is never above it, however the parts fade; the groups'' bounds are in it',
    ADD COLUMN IF NOT EXISTS bound_keep Float32
        MATERIALIZED least(1e30, 1.000001 * (arraySum((v, h) -> if(v > 0 AND h = 0, v, 0.), term_value, term_half_life) + arraySum(f -> greatest(0., f), group_floor)))
        COMMENT 'For the hot list: points above zero that never fade, and the groups'' lower bounds above zero',
    ADD COLUMN IF NOT EXISTS bound_fade Float32
        MATERIALIZED least(1e30, 1.000001 * arraySum((v, h) -> if(v > 0 AND h != 0, v, 0.), term_value, term_half_life))
        COMMENT 'For the hot list: points above zero that fade, as of bound_from',
    ADD COLUMN IF NOT EXISTS bound_from DateTime64(3, 'UTC')
        MATERIALIZED arrayMax((a, v, h) -> if(v > 0 AND h != 0, a, toDateTime64(0, 3, 'UTC')),
            arrayPushBack(term_anchor, toDateTime64(0, 3, 'UTC')), arrayPushBack(term_value, 0.), arrayPushBack(term_half_life, 0.))
        COMMENT 'For the hot list: the latest instant from which a part of bound_fade fades',
    ADD COLUMN IF NOT EXISTS bound_half_life Float32
        MATERIALIZED 1.000001 * arrayMax((v, h) -> if(v > 0, h, 0.), arrayPushBack(term_value, 0.), arrayPushBack(term_half_life, 0.))
        COMMENT 'For the hot list: the longest half-life of the parts of bound_fade, in days; 0: nothing fades';

-- Granules of 512 rows instead of 8192. A list's hundred leads lie anywhere in the table, so each costs a granule of
-- every column read: with 5M leads the list took 1.5 s with the old ones and 0.4 s with these; the index grows from 11 to
-- 172 KiB, the table by 3 %. A table's granules are fixed when it is made, hence a new table, by
-- steps that may stop anywhere and run again:
--   1-2. the rest of a run that was killed goes back into lead_state (the newest revision wins);
--   3-4. a new table, filled; 5. exchanged in one step; 6. what was written to the old one meanwhile; 7. the old one goes.
-- About 0.5 min a million leads on two cores. A sink that writes meanwhile loses nothing unless one insert lasts from
-- before step 5 to after step 6: stop the sinks for this migration if you want that excluded.
CREATE TABLE IF NOT EXISTS lead_state_new AS lead_state ENGINE = ReplacingMergeTree(revision) ORDER BY (site, track, lead_id);
-- repeatable: the newest revision of a lead wins, however often its row is written
INSERT INTO lead_state SELECT * FROM lead_state_new;
CREATE OR REPLACE TABLE lead_state_new AS lead_state
ENGINE = ReplacingMergeTree(revision)
ORDER BY (site, track, lead_id)
SETTINGS index_granularity = 512, min_compress_block_size = 16384, non_replicated_deduplication_window = 1000
COMMENT 'The newest state of every lead and track. Read it through view leads, or say FINAL';
-- repeatable: the table was made empty a statement ago
INSERT INTO lead_state_new SELECT * FROM lead_state;
-- repeatable: a run always begins with a new lead_state_new that has all rows
EXCHANGE TABLES lead_state AND lead_state_new;
-- repeatable: the newest revision of a lead wins, however often its row is written
INSERT INTO lead_state SELECT * FROM lead_state_new WHERE inserted_at >= now64(3) - INTERVAL 1 DAY;
DROP TABLE IF EXISTS lead_state_new SYNC;

-- The same bound, of now, in two places: first the 400 rows of each site and track that may be hottest, then, by the
-- hundredth score among their leads, every row that may reach it. 0.001 is for the instants that pass while the query
-- runs. Where all points are at the clamp of 100, the newer last_seen decides, as in the order of the list.
CREATE OR REPLACE VIEW hot_leads AS
WITH
    least(100., bound_most, bound_keep + bound_fade * exp2(-greatest(0, toUnixTimestamp64Milli(now64(3, 'UTC')) - toUnixTimestamp64Milli(bound_from))
        / 86400000 / greatest(bound_half_life, 0.000001))) AS at_most,
    maybe AS
    (
        SELECT site, track, arrayJoin(groupArraySorted(400)((-at_most, -toUnixTimestamp64Milli(last_seen), lead_id))).3 AS lead_id
        FROM lead_state
        WHERE fit != 'X' AND stage NOT IN ('won', 'lost')
        GROUP BY site, track
    ),
    hundredth AS
    (
        SELECT site, track, count() AS leads, min((score, last_seen)) AS worst
        FROM
        (
            SELECT site, track, score, last_seen
            FROM leads
            WHERE fit != 'X' AND stage NOT IN ('won', 'lost') AND (site, track, lead_id) IN maybe
            ORDER BY score DESC, last_seen DESC
            LIMIT 100 BY site, track
        )
        GROUP BY site, track
    ),
    may_reach AS
    (
        SELECT site, track, lead_id
        FROM lead_state
        LEFT JOIN hundredth USING (site, track)
        WHERE fit != 'X' AND stage NOT IN ('won', 'lost')
            AND (leads < 100 OR at_most + 0.001 >= worst.1 AND (worst.1 < 100 OR last_seen >= worst.2))
    )
SELECT *
FROM leads
WHERE fit != 'X' AND stage NOT IN ('won', 'lost') AND (site, track, lead_id) IN may_reach
ORDER BY score DESC, last_seen DESC, lead_id
LIMIT 100 BY site, track
COMMENT 'Whom to call first: the 100 highest scores of every site and track, without excluded, won and lost leads';
