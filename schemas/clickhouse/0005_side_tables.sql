-- identify edges: which visitor said to be which user. One row an event; the
-- first and last time of an edge are min(at) and max(at).
CREATE TABLE IF NOT EXISTS identities
(
    site            LowCardinality(String) COMMENT 'The site',
    anonymous_id    String COMMENT 'The visitor''s id',
    user_id         String COMMENT 'The person that the visitor said to be',
    lead_id         UUID COMMENT 'Lead id of the visitor: made from site and anonymous_id',
    event_id        String COMMENT 'The identify event',
    at              DateTime64(3, 'UTC') COMMENT 'When'
)
ENGINE = ReplacingMergeTree
ORDER BY (site, user_id, anonymous_id, event_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Which visitor said to be which person: one row an identify event. Say FINAL';

-- What the CRM says of a deal: one row an event of type crm.
CREATE TABLE IF NOT EXISTS deals
(
    site            LowCardinality(String) COMMENT 'The site',
    lead_id         UUID COMMENT 'The lead, as of the event',
    deal_id         String COMMENT 'The CRM''s id of the deal (properties.deal_id)',
    event_id        String COMMENT 'The crm event',
    at              DateTime64(3, 'UTC') COMMENT 'When: event_time',
    stage           LowCardinality(String) COMMENT 'The CRM''s stage (properties.stage)',
    amount          Float64 COMMENT 'What the deal is worth (properties.amount)',
    currency        LowCardinality(String) COMMENT 'ISO 4217 (properties.currency)',
    product         LowCardinality(String) COMMENT 'What is sold (properties.product)',
    reason          String COMMENT 'Why it was won or lost (properties.reason)'
)
ENGINE = ReplacingMergeTree
ORDER BY (site, lead_id, deal_id, event_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What the CRM said of deals: one row a crm event; argMax(..., at) is the newest word. Say FINAL';

-- News of an account: funding, tender, rival release.
CREATE TABLE IF NOT EXISTS market_signals
(
    site            LowCardinality(String) COMMENT 'The site',
    account         String COMMENT 'The company: group_id, else properties.account or properties.company',
    event_id        String COMMENT 'The market event',
    at              DateTime64(3, 'UTC') COMMENT 'When: event_time',
    kind            LowCardinality(String) COMMENT 'funding, tender, rival, ... (properties.kind, else the event''s name)',
    title           String COMMENT 'Headline (the event''s title, else properties.title, else its name)',
    properties      JSON(max_dynamic_paths = 32) COMMENT 'All that came with it'
)
ENGINE = ReplacingMergeTree
ORDER BY (site, account, at, event_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'News of accounts: one row a market event. Say FINAL';

-- Every forecast ever shown, so that it can be graded against what happened.
CREATE TABLE IF NOT EXISTS forecasts
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    made_at         DateTime64(3, 'UTC') COMMENT 'When it was shown',
    stage           LowCardinality(String) COMMENT 'The stage that the open leads stand in',
    horizon_days    UInt16 COMMENT 'Won within this many days',
    open_leads      UInt32 COMMENT 'Leads in the stage then',
    matured         UInt32 COMMENT 'Past leads whose horizon had passed',
    won             UInt32 COMMENT 'Of those, won',
    wins_mean       Float64 COMMENT 'Wins expected',
    wins_p10        Float64 COMMENT 'Lower end of the 80 % band',
    wins_p90        Float64 COMMENT 'Upper end of the 80 % band',
    value_mean      Float64 COMMENT 'Value expected',
    value_p10       Float64 COMMENT 'Value: lower end of the 80 % band',
    value_p50       Float64 COMMENT 'Value: median',
    value_p90       Float64 COMMENT 'Value: upper end of the 80 % band'
)
ENGINE = MergeTree
ORDER BY (site, track, made_at, stage)
COMMENT 'Every forecast ever shown, to be graded against what happened';
