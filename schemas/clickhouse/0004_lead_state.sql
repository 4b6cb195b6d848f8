-- The newest state of every lead and track, by revision. Scores are stored as
-- terms that fade, never as a number that grows stale: view `leads` adds them up.
-- No partitions: FINAL must find all revisions of a lead in one place.
CREATE TABLE IF NOT EXISTS lead_state
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    lead_id         UUID COMMENT 'The lead',
    revision        UInt64 COMMENT 'Grows by one with every record of the lead and track; the highest wins',
    anonymous_id    String COMMENT 'The visitor''s id',
    user_id         String COMMENT 'The person''s id, once known',
    name            String COMMENT 'The person''s name, once known',
    email           String COMMENT 'The person''s address, once known',
    company         String COMMENT 'The company, once known',
    country         LowCardinality(String) COMMENT 'ISO 3166 code',
    traits          String COMMENT 'Newest value of every attribute, a JSON object in text' CODEC(ZSTD(1)),
    score           Float64 COMMENT 'Score at scored_at. It fades: read view leads for the score of now',
    scored_at       DateTime64(3, 'UTC') COMMENT 'The instant of score',
    engagement      UInt8 COMMENT 'Band at scored_at: 1 (hottest) to 4',
    fit             LowCardinality(String) COMMENT 'A-D; ? when too little is known; X when a flag rules the lead out',
    grade           LowCardinality(String) COMMENT 'Fit and band at scored_at: A1, B3, ?2, X',
    stage           LowCardinality(String) COMMENT 'Stage of the funnel',
    stage_order     UInt8 COMMENT 'Place of the stage in the model, from 0',
    sub_stage       LowCardinality(String) COMMENT 'Sub-stage',
    stage_since     DateTime64(3, 'UTC') COMMENT 'When the stage was entered',
    entry_no        UInt32 COMMENT 'Transitions so far; joins stage_log',
    first_seen      DateTime64(3, 'UTC') COMMENT 'First event',
    last_seen       DateTime64(3, 'UTC') COMMENT 'Newest event',
    sessions        UInt32 COMMENT 'Visits so far',
    last_type       LowCardinality(String) COMMENT 'Type of the newest event',
    last_name       String COMMENT 'Name of the newest event',
    last_path       String COMMENT 'Path of the newest event',
    last_rule       LowCardinality(String) COMMENT 'The rule of most points that the newest counted event met',
    flags           Array(LowCardinality(String)) COMMENT 'employee, competitor, bot, opt-out, ...',
    term_rule       Array(LowCardinality(String)) COMMENT 'The score''s parts: the value of part i at t is term_value * 2^(-max(0, t - term_anchor) / term_half_life days)',
    term_group      Array(LowCardinality(String)) COMMENT 'Group of part i; joins group_name',
    term_interest   Array(LowCardinality(String)) COMMENT 'Interest of part i',
    term_value      Array(Float64) COMMENT 'Points of part i at its anchor',
    term_anchor     Array(DateTime64(3, 'UTC')) COMMENT 'From when part i fades',
    term_half_life  Array(Float64) COMMENT 'Half-life of part i in days; 0: never fades',
    group_name      Array(LowCardinality(String)) COMMENT 'Groups with bounds',
    group_cap       Array(Float64) COMMENT 'Most a group can give',
    group_floor     Array(Float64) COMMENT 'Least a group can give',
    bands           Array(Float64) COMMENT 'Lower bounds of the engagement bands 1, 2, 3',
    falls_at        Nullable(DateTime64(3, 'UTC')) COMMENT 'When the lead falls to falls_to if nothing more happens',
    falls_to        LowCardinality(String) COMMENT 'The lower stage it falls to',
    model_version   LowCardinality(String) COMMENT 'The model that decided',
    received_at     DateTime64(3, 'UTC') COMMENT 'received_at of the event that caused this revision',
    record          String COMMENT 'The whole leadstream.v1.LeadRecord as protobuf, for the explanation' CODEC(ZSTD(1)),
    kafka_partition UInt16 COMMENT 'Partition of leadstream.leads.v1 that it was read from',
    kafka_offset    UInt64 COMMENT 'Offset in that partition',
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When ClickHouse took the row; minus received_at is the freshness'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (site, track, lead_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'The newest state of every lead and track. Read it through view leads, or say FINAL';
