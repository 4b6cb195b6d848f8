-- Every accepted event, once.
--
-- ORDER BY (site, lead_id, event_time, event_id): a lead's timeline is one
-- range of granules, a site's funnel reads only that site. ReplacingMergeTree
-- because a repeated Kafka record is byte-identical: readers say FINAL (or
-- uniqExact) and a repeat changes no answer.
-- PARTITION BY the month of received_at, not event_time: a visitor whose clock
-- says 1970 must not open a partition of its own.
CREATE TABLE IF NOT EXISTS events
(
    site            LowCardinality(String),
    lead_id         UUID,
    event_id        String CODEC(ZSTD(1)),
    event_time      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    type            LowCardinality(String),
    name            String CODEC(ZSTD(1)),
    anonymous_id    String CODEC(ZSTD(1)),
    user_id         String CODEC(ZSTD(1)),
    session_id      String CODEC(ZSTD(1)),
    view_id         String CODEC(ZSTD(1)),
    url             String CODEC(ZSTD(1)),
    host            LowCardinality(String),
    path            String CODEC(ZSTD(1)),
    title           String CODEC(ZSTD(1)),
    referrer        String CODEC(ZSTD(1)),
    referrer_host   LowCardinality(String),
    channel         LowCardinality(String),
    utm_source      LowCardinality(String),
    utm_medium      LowCardinality(String),
    utm_campaign    LowCardinality(String),
    utm_term        LowCardinality(String),
    utm_content     LowCardinality(String),
    engaged_ms      UInt32 CODEC(T64, ZSTD(1)),
    scroll_pct      UInt8,
    properties      JSON(max_dynamic_paths = 64),
    traits          String CODEC(ZSTD(1)),
    group_id        String CODEC(ZSTD(1)),
    ip              String CODEC(ZSTD(1)),
    user_agent      LowCardinality(String),
    locale          LowCardinality(String),
    country         LowCardinality(String),
    region          LowCardinality(String),
    city            LowCardinality(String),
    device          LowCardinality(String),
    browser         LowCardinality(String),
    os              LowCardinality(String),
    protocol        LowCardinality(String),
    library         LowCardinality(String),
    bot             Bool,
    consent         LowCardinality(String),
    trusted         Bool,
    kafka_partition UInt16,
    kafka_offset    UInt64 CODEC(Delta, ZSTD(1)),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site, lead_id, event_time, event_id)
SETTINGS non_replicated_deduplication_window = 1000;
