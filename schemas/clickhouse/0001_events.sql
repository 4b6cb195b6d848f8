-- Every accepted event, once.
--
-- ORDER BY (site, lead_id, event_time, event_id): a lead's timeline is one
-- range of granules, a site's funnel reads only that site. ReplacingMergeTree
-- because a repeated Kafka record is byte-identical: readers say FINAL (or
-- uniqExact) and a repeat changes no answer.
-- PARTITION BY the month of received_at, not event_time: a visitor whose clock
-- says 1970 must not open a partition of its own.
-- properties is JSON, not String: twice the insert's cost, a tenth of the
-- filter's (measured over 20M events).
CREATE TABLE IF NOT EXISTS events
(
    site            LowCardinality(String) COMMENT 'The site that the write key belongs to',
    lead_id         UUID COMMENT 'The visitor as of the event itself: made from site and anonymous_id (else user_id). Table identities leads to the known lead',
    event_id        String COMMENT 'Unique within a site: the sender''s message id, else derived' CODEC(ZSTD(1)),
    event_time      DateTime64(3, 'UTC') COMMENT 'When it happened, by the sender''s clock after correction; never later than received_at + 5 min' CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') COMMENT 'When a collector took it' CODEC(Delta, ZSTD(1)),
    type            LowCardinality(String) COMMENT 'page, screen, dwell, scroll, click, form, track, identify, group, alias, social, market, crm',
    name            String COMMENT 'What the sender calls it: an event''s, a page''s, a form''s name' CODEC(ZSTD(1)),
    anonymous_id    String COMMENT 'The visitor''s id on this device' CODEC(ZSTD(1)),
    user_id         String COMMENT 'The person''s id, once known' CODEC(ZSTD(1)),
    session_id      String COMMENT 'One visit' CODEC(ZSTD(1)),
    view_id         String COMMENT 'One page view; engaged_ms and scroll_pct are cumulative within it' CODEC(ZSTD(1)),
    url             String COMMENT 'Full address' CODEC(ZSTD(1)),
    host            LowCardinality(String) COMMENT 'Host of url',
    path            String COMMENT 'Path of url' CODEC(ZSTD(1)),
    title           String COMMENT 'Title of the page' CODEC(ZSTD(1)),
    referrer        String COMMENT 'Address the visitor came from' CODEC(ZSTD(1)),
    referrer_host   LowCardinality(String) COMMENT 'Host of referrer',
    channel         LowCardinality(String) COMMENT 'search, social, mail, paid, ai, referral, direct',
    utm_source      LowCardinality(String) COMMENT 'Campaign parameter utm_source',
    utm_medium      LowCardinality(String) COMMENT 'Campaign parameter utm_medium',
    utm_campaign    LowCardinality(String) COMMENT 'Campaign parameter utm_campaign',
    utm_term        LowCardinality(String) COMMENT 'Campaign parameter utm_term',
    utm_content     LowCardinality(String) COMMENT 'Campaign parameter utm_content',
    engaged_ms      UInt32 COMMENT 'Visible, focused and active time of the view so far, in milliseconds; cumulative: take max per view_id' CODEC(T64, ZSTD(1)),
    scroll_pct      UInt8 COMMENT 'Deepest scroll of the view so far, 0-100; cumulative',
    properties      JSON(max_dynamic_paths = 64) COMMENT 'What the sender attached; read as properties.plan, properties.price.:Float64',
    traits          String COMMENT 'identify, group: attributes as a JSON object in text' CODEC(ZSTD(1)),
    group_id        String COMMENT 'The company, once known' CODEC(ZSTD(1)),
    ip              String COMMENT 'Address, as far as the site''s privacy setting keeps it' CODEC(ZSTD(1)),
    user_agent      LowCardinality(String) COMMENT 'User-Agent header',
    locale          LowCardinality(String) COMMENT 'Language tag',
    country         LowCardinality(String) COMMENT 'ISO 3166 code',
    region          LowCardinality(String) COMMENT 'Region',
    city            LowCardinality(String) COMMENT 'City',
    device          LowCardinality(String) COMMENT 'desktop, mobile, tablet, bot',
    browser         LowCardinality(String) COMMENT 'Browser family',
    os              LowCardinality(String) COMMENT 'Operating system family',
    protocol        LowCardinality(String) COMMENT 'The decoder that read it: native, segment, pixel, ...',
    library         LowCardinality(String) COMMENT 'The sender''s library and version',
    bot             Bool COMMENT 'Looks like a machine; never scored',
    consent         LowCardinality(String) COMMENT 'unknown, full, cookieless, denied',
    trusted         Bool COMMENT 'Signed with a secret key: may move a stage that sales owns',
    kafka_partition UInt16 COMMENT 'Partition of leadstream.events.v1 that it was read from',
    kafka_offset    UInt64 COMMENT 'Offset in that partition' CODEC(Delta, ZSTD(1)),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When ClickHouse took the row; minus received_at is the freshness' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (site, lead_id, event_time, event_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every accepted event, once. Say FINAL (or uniqExact(event_id)): a repeated record may stand twice until parts merge';
