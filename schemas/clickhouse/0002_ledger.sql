-- One row a rule hit, counted or refused with a reason. The rows with reason
-- ok or cap fold to the score: per lead, track, rule and day
--   n = sum over unit_key of max(units), v = points * min(n, limit)
-- and the score at t is the clamped sum of clamped group sums of
--   v * 2^(-max(0, t - end(day)) / half_life).
-- View lead_score_at is that fold.
-- `reason` is in the key so that a repeat (dup) never replaces the row that counted.
CREATE TABLE IF NOT EXISTS ledger
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track: one lead has one score a track',
    lead_id         UUID COMMENT 'The lead that the points belong to',
    day             Date COMMENT 'UTC day of event_time: limits count within it, and fading starts at its end',
    rule            LowCardinality(String) COMMENT 'The rule that the event met',
    event_id        String COMMENT 'The event that met it' CODEC(ZSTD(1)),
    reason          LowCardinality(String) COMMENT 'ok, cap: in the fold. dup, late, straggler, bot, consent, excluded: refused',
    counted         Bool COMMENT 'The event raised the rule''s value of the day',
    event_type      LowCardinality(String) COMMENT 'Type of the event',
    event_time      DateTime64(3, 'UTC') COMMENT 'When the event happened' CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'When a collector took the event' CODEC(Delta, ZSTD(1)),
    rule_group      LowCardinality(String) COMMENT 'The rule''s group; its sum is clamped to group_floor..group_cap',
    interest        LowCardinality(String) COMMENT 'The interest that the rule speaks for',
    points          Float64 COMMENT 'Points a unit' CODEC(ZSTD(1)),
    rule_limit      UInt32 COMMENT 'Most units a day' CODEC(T64, ZSTD(1)),
    once            Bool COMMENT 'Only the lead''s first day with this rule counts',
    half_life_days  Float64 COMMENT 'Days until half of it is gone; 0: never fades' CODEC(ZSTD(1)),
    unit_key        UInt64 COMMENT 'What a unit is counted by: hash of the event id, or of the view id for dwell rules',
    units           UInt32 COMMENT 'Units of unit_key so far; cumulative: take max per unit_key' CODEC(T64, ZSTD(1)),
    group_cap       Float64 COMMENT 'Most the group can give' CODEC(ZSTD(1)),
    group_floor     Float64 COMMENT 'Least the group can give' CODEC(ZSTD(1)),
    model_version   LowCardinality(String) COMMENT 'The model that decided',
    source_topic    LowCardinality(String) COMMENT 'Topic of the record that caused the row',
    source_partition UInt16 COMMENT 'Its partition',
    source_offset   UInt64 COMMENT 'Its offset' CODEC(Delta, ZSTD(1)),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When ClickHouse took the row' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site, track, lead_id, rule, day, event_id, reason)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every rule hit, counted or refused with its reason; folding it gives the score (view lead_score_at)';
