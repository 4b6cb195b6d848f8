-- identify edges: which visitor said to be which user, first and last time.
CREATE TABLE IF NOT EXISTS identities
(
    site            LowCardinality(String),
    anonymous_id    String,
    user_id         String,
    lead_id         UUID,
    event_id        String,
    at              DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (site, user_id, anonymous_id, event_id);

-- What the CRM says of a deal: one row an event of type crm.
CREATE TABLE IF NOT EXISTS deals
(
    site            LowCardinality(String),
    lead_id         UUID,
    deal_id         String,
    event_id        String,
    at              DateTime64(3, 'UTC'),
    stage           LowCardinality(String),
    amount          Float64,
    currency        LowCardinality(String),
    product         LowCardinality(String),
    reason          String
)
ENGINE = ReplacingMergeTree
ORDER BY (site, lead_id, deal_id, event_id);

-- News of an account: funding, tender, rival release.
CREATE TABLE IF NOT EXISTS market_signals
(
    site            LowCardinality(String),
    account         String,
    event_id        String,
    at              DateTime64(3, 'UTC'),
    kind            LowCardinality(String),
    title           String,
    properties      JSON(max_dynamic_paths = 32)
)
ENGINE = ReplacingMergeTree
ORDER BY (site, account, at, event_id);

-- Every forecast ever shown, so that it can be graded against what happened.
CREATE TABLE IF NOT EXISTS forecasts
(
    site            LowCardinality(String),
    track           LowCardinality(String),
    made_at         DateTime64(3, 'UTC'),
    stage           LowCardinality(String),
    horizon_days    UInt16,
    open_leads      UInt32,
    matured         UInt32,
    won             UInt32,
    wins_mean       Float64,
    wins_p10        Float64,
    wins_p90        Float64,
    value_mean      Float64,
    value_p10       Float64,
    value_p50       Float64,
    value_p90       Float64
)
ENGINE = MergeTree
ORDER BY (site, track, made_at, stage);
