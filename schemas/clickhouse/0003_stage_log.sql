-- One row a stage transition: the primary source of funnels, velocity and leaks.
-- The key is the lead's entry number, which the scorer deals once a transition:
-- a repeat of the record replaces its row.
CREATE TABLE IF NOT EXISTS stage_log
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    lead_id         UUID COMMENT 'The lead',
    entry_no        UInt32 COMMENT 'Counts the lead''s transitions in this track from 1',
    at              DateTime64(3, 'UTC') COMMENT 'When: the event''s time, or the instant solved from the decay curve for a fall',
    from_stage      LowCardinality(String) COMMENT 'The stage that was left',
    to_stage        LowCardinality(String) COMMENT 'The stage that was entered; a jump over k stages is k rows',
    direction       LowCardinality(String) COMMENT 'promote, demote, move',
    sub_stage       LowCardinality(String) COMMENT 'Sub-stage of to_stage',
    cause           LowCardinality(String) COMMENT 'event, timer, crm, person',
    cause_event_id  String COMMENT 'The event that caused it, if one did' CODEC(ZSTD(1)),
    why             String COMMENT 'The reason, for a person' CODEC(ZSTD(1)),
    score           Float64 COMMENT 'Score at that instant',
    grade           LowCardinality(String) COMMENT 'Grade at that instant',
    criteria        Array(LowCardinality(String)) COMMENT 'The criteria that were met, as the model names them',
    amount          Float64 COMMENT 'What the deal is worth, if a CRM event said so',
    currency        LowCardinality(String) COMMENT 'Currency of amount, ISO 4217',
    model_version   LowCardinality(String) COMMENT 'The model that decided',
    source_topic    LowCardinality(String) COMMENT 'Topic of the record that caused the row',
    source_partition UInt16 COMMENT 'Its partition',
    source_offset   UInt64 COMMENT 'Its offset',
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When ClickHouse took the row'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (site, track, lead_id, entry_no)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every stage transition, with its cause and the criteria that were met. Say FINAL';
