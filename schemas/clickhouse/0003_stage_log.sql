-- One row a stage transition: the primary source of funnels, velocity and leaks.
CREATE TABLE IF NOT EXISTS stage_log
(
    site            LowCardinality(String),
    track           LowCardinality(String),
    lead_id         UUID,
    entry_no        UInt32,
    at              DateTime64(3, 'UTC'),
    from_stage      LowCardinality(String),
    to_stage        LowCardinality(String),
    direction       LowCardinality(String),
    sub_stage       LowCardinality(String),
    cause           LowCardinality(String),
    cause_event_id  String CODEC(ZSTD(1)),
    why             String CODEC(ZSTD(1)),
    score           Float64,
    grade           LowCardinality(String),
    criteria        Array(LowCardinality(String)),
    amount          Float64,
    currency        LowCardinality(String),
    model_version   LowCardinality(String),
    source_topic    LowCardinality(String),
    source_partition UInt16,
    source_offset   UInt64,
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (site, track, lead_id, entry_no)
SETTINGS non_replicated_deduplication_window = 1000;
