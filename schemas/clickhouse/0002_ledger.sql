-- One row a rule hit, counted or refused with a reason. The rows with reason
-- ok or cap fold to the score: per lead, track, rule and day
--   n = sum over unit_key of max(units), v = points * min(n, limit)
-- and the score at t is the clamped sum of clamped group sums of
--   v * 2^(-max(0, t - end(day)) / half_life).
-- `reason` is in the key so that a repeat (dup) never replaces the row that counted.
CREATE TABLE IF NOT EXISTS ledger
(
    site            LowCardinality(String),
    track           LowCardinality(String),
    lead_id         UUID,
    day             Date,
    rule            LowCardinality(String),
    event_id        String CODEC(ZSTD(1)),
    reason          LowCardinality(String),
    counted         Bool,
    event_type      LowCardinality(String),
    event_time      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    rule_group      LowCardinality(String),
    interest        LowCardinality(String),
    points          Float64 CODEC(ZSTD(1)),
    rule_limit      UInt32 CODEC(T64, ZSTD(1)),
    once            Bool,
    half_life_days  Float64 CODEC(ZSTD(1)),
    unit_key        UInt64,
    units           UInt32 CODEC(T64, ZSTD(1)),
    group_cap       Float64 CODEC(ZSTD(1)),
    group_floor     Float64 CODEC(ZSTD(1)),
    model_version   LowCardinality(String),
    source_topic    LowCardinality(String),
    source_partition UInt16,
    source_offset   UInt64 CODEC(Delta, ZSTD(1)),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site, track, lead_id, rule, day, event_id, reason)
SETTINGS non_replicated_deduplication_window = 1000;
