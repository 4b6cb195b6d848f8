-- Score, grade and stage of every lead at an instant not before its newest
-- event. `leads` is this at now.
CREATE VIEW IF NOT EXISTS leads_at AS
SELECT
    site, track, lead_id, anonymous_id, user_id, name, email, company, country, traits,
    arrayMap((v, a, h) -> if(h = 0, v, v * exp2(-greatest(0, toUnixTimestamp64Milli({at:DateTime64(3)}) - toUnixTimestamp64Milli(a)) / 86400000 / h)),
             term_value, term_anchor, term_half_life) AS term_now,
    arrayMap((g, c, f) -> least(c, greatest(f, arraySum((v, tg) -> if(tg = g, v, 0), term_now, term_group))),
             group_name, group_cap, group_floor) AS group_now,
    least(100., greatest(-100., arraySum(group_now))) AS score,
    toUInt8(1 + arrayCount(b -> score < b, bands)) AS engagement,
    fit,
    if(fit = 'X', 'X', concat(fit, toString(engagement))) AS grade,
    stage, stage_order, sub_stage, stage_since, entry_no,
    first_seen, last_seen, sessions, last_type, last_name, last_path, last_rule, flags,
    term_rule, term_group, term_interest, group_name,
    falls_at, falls_to, model_version, revision, received_at, inserted_at
FROM lead_state FINAL;
