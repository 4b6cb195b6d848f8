-- A forecast whose answer was lost is stored again: with the row's identity as
-- the key, twice is once. The key gains horizon_days: two horizons may be asked
-- for in the same millisecond.
-- The table is replaced in one step and from itself, so a second run changes
-- nothing. A forecast stored by an older release in that very moment may be lost.
CREATE OR REPLACE TABLE forecasts
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    made_at         DateTime64(3, 'UTC') COMMENT 'When it was shown',
    stage           LowCardinality(String) COMMENT 'The stage that the open leads stand in; empty: all of them together',
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
ENGINE = ReplacingMergeTree
ORDER BY (site, track, made_at, stage, horizon_days)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every forecast ever shown, to be graded against what happened. Say FINAL'
AS SELECT * FROM forecasts;
