-- The model's life: versions are kept, and a published one scores all history anew.

-- Every model that has run, and every publication. A publication's version has its
-- number behind it (default@0a77a306.3), so that rows of one are told from another's.
CREATE TABLE IF NOT EXISTS models
(
    track           LowCardinality(String) COMMENT 'The name of the score',
    version         String COMMENT 'What stands in model_version of every row it wrote',
    publication     UInt32 COMMENT 'Counts the publications of the track from 1; 0: ran because a file said so',
    text            String COMMENT 'The model file' CODEC(ZSTD(1)),
    kept_at         DateTime64(3, 'UTC') COMMENT 'When it was published, or first ran'
)
ENGINE = ReplacingMergeTree
ORDER BY (track, version)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every model that has run, with its text. Say FINAL';

-- The ledger of a publication is all of history, told anew: its rows stand beside the
-- old ones. A row with reason `published` is a lead's going over: from its received_at
-- on, the rows of its publication are the score, and the older ones are what was.
ALTER TABLE ledger
    ADD COLUMN IF NOT EXISTS publication UInt32 COMMENT 'The publication of model_version that wrote the row, 0: none' AFTER model_version,
    MODIFY ORDER BY (site, track, lead_id, rule, day, event_id, reason, publication);

-- The fold of the ledger: the score as it was known at any instant, the same
-- as model.FoldLedger. Rows received later are left out; should rows of two
-- models be mixed, a rule's newest row says what it is worth.
-- No FINAL: max(units) per unit_key gives the same for a row that stands twice.
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
                WHERE reason IN ('ok', 'cap') AND received_at <= {at:DateTime64(3, 'UTC')}
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
    GROUP BY site, track, lead_id, rule_group
)
GROUP BY site, track, lead_id
COMMENT 'Score of every lead as it was known at any instant, folded from the ledger: lead_score_at(at = ''2026-01-31 12:00:00''), under the publication of the model that was in force for the lead then. Columns: site, track, lead_id; score, clamped; group_values, what each group gave, by name';
