-- Who was handed which lead, and when: one row a step. The first time of a step
-- is min(at); a hand-over is the promotion (entry_no of stage_log) it began with.
-- Several leases of one hand-over differ by their token.
CREATE TABLE IF NOT EXISTS handovers
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    lead_id         UUID COMMENT 'The lead',
    entry_no        UInt32 COMMENT 'The promotion that began the hand-over; joins stage_log',
    token           UInt64 COMMENT 'The lease: grows with every owner, so that an older one is refused; 0: before there was one',
    step            LowCardinality(String) COMMENT 'happened (a collector took the event), detected (the promotion was decided), routed (owner or team named), notified, touched (first and later contacts), extended, released (by the owner), returned (the time was up), closed (outcome known)',
    at              DateTime64(3, 'UTC') COMMENT 'When the step was done',
    stage           LowCardinality(String) COMMENT 'The stage that was entered',
    team            LowCardinality(String) COMMENT 'The team; empty: none yet',
    owner           LowCardinality(String) COMMENT 'Whose lease it is; empty: the team''s queue',
    until           Nullable(DateTime64(3, 'UTC')) COMMENT 'When the lease ends if nothing more happens',
    due_at          Nullable(DateTime64(3, 'UTC')) COMMENT 'First contact is promised by then (the model''s SLA)',
    done_by         LowCardinality(String) COMMENT 'Who did the step: a person''s name, or the rule or timer that did it',
    reason          String COMMENT 'Why, for a person: outcome, reason of return' CODEC(ZSTD(1)),
    inserted_at     DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When ClickHouse took the row'
)
ENGINE = ReplacingMergeTree
-- No partitions: some rows a lead, and FINAL finds all of a lead in one place.
ORDER BY (site, track, lead_id, entry_no, token, step, at)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every step of every hand-over from marketing to sales. Read the clocks through view handover_clocks, or say FINAL';

-- Four clocks: detect, route, notify, respond. A hand-over whose step has not
-- come yet is not in that clock's percentiles but counted in `waiting`, with the
-- longest wait beside it: percentiles of answers alone flatter.
-- No FINAL: the smallest time of a step is the same with a repeated row.
CREATE VIEW IF NOT EXISTS handover_clocks
(
    site            LowCardinality(String) COMMENT 'The site',
    track           LowCardinality(String) COMMENT 'The score model''s track',
    team            LowCardinality(String) COMMENT 'The team named last; empty: none yet',
    month           Date COMMENT 'Month (UTC) in which the hand-over''s first step was done',
    handovers       UInt64 COMMENT 'Hand-overs of the team in this month',
    detect_p50      Nullable(Float64) COMMENT 'Seconds from the event''s receipt to the promotion: median',
    detect_p90      Nullable(Float64) COMMENT 'The same, 90th percentile',
    route_p50       Nullable(Float64) COMMENT 'Seconds from the promotion to an owner or team: median',
    route_p90       Nullable(Float64) COMMENT 'The same, 90th percentile',
    notify_p50      Nullable(Float64) COMMENT 'Seconds from there to the first notice: median',
    notify_p90      Nullable(Float64) COMMENT 'The same, 90th percentile',
    respond_p50     Nullable(Float64) COMMENT 'Seconds from the first notice to the first contact: median of those that were contacted',
    respond_p90     Nullable(Float64) COMMENT 'The same, 90th percentile',
    touched         UInt64 COMMENT 'Hand-overs with a first contact',
    in_time         UInt64 COMMENT 'Of those, contacted by the promised time; without a promise: any time',
    returned        UInt64 COMMENT 'Hand-overs that went back to the pool at least once because the time was up',
    waiting         UInt64 COMMENT 'Hand-overs neither contacted nor closed: in no respond percentile',
    longest_wait    Nullable(Float64) COMMENT 'Seconds since the first step of the oldest of those; NULL: none waits'
)
AS
SELECT
    site, track, team, toStartOfMonth(begun) AS month,
    count() AS handovers,
    quantileExact(0.5)(detected - happened) AS detect_p50,
    quantileExact(0.9)(detected - happened) AS detect_p90,
    quantileExact(0.5)(routed - detected) AS route_p50,
    quantileExact(0.9)(routed - detected) AS route_p90,
    quantileExact(0.5)(notified - routed) AS notify_p50,
    quantileExact(0.9)(notified - routed) AS notify_p90,
    quantileExact(0.5)(first_touch - notified) AS respond_p50,
    quantileExact(0.9)(first_touch - notified) AS respond_p90,
    countIf(first_touch IS NOT NULL) AS touched,
    countIf(first_touch <= ifNull(due, first_touch)) AS in_time,
    countIf(has_returned) AS returned,
    countIf(first_touch IS NULL AND NOT is_closed) AS waiting,
    maxIf(dateDiff('millisecond', begun, now64(3, 'UTC'))::Nullable(Float64) / 1000, first_touch IS NULL AND NOT is_closed) AS longest_wait
FROM
(
    SELECT
        site, track, lead_id, entry_no,
        min(at) AS begun,
        argMaxIf(h.team, (at, token), h.team != '') AS team,
        minIf(at::Nullable(Decimal64(3)), step = 'happened') AS happened,
        minIf(at::Nullable(Decimal64(3)), step = 'detected') AS detected,
        minIf(at::Nullable(Decimal64(3)), step = 'routed') AS routed,
        minIf(at::Nullable(Decimal64(3)), step = 'notified') AS notified,
        minIf(at::Nullable(Decimal64(3)), step = 'touched') AS first_touch,
        min(due_at)::Nullable(Decimal64(3)) AS due,
        max(step = 'returned') AS has_returned,
        max(step = 'closed') AS is_closed
    FROM handovers AS h
    GROUP BY site, track, lead_id, entry_no
)
GROUP BY site, track, team, month
ORDER BY site, track, month, team
COMMENT 'The four clocks of the hand-over (detect, route, notify, respond) in seconds, median and 90th percentile by team and month, with those that still wait beside them';
