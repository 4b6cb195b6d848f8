SELECT lead_id, site, track, anonymous_id, user_id, name, email, company, country,
       score, grade, fit, engagement, stage, sub_stage, stage_since, first_seen, last_seen, sessions,
       last_type, last_name, last_path, last_rule, term_rule, term_now, flags, falls_at, falls_to,
       model_version, revision
FROM leads_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE 1
ORDER BY score DESC, last_seen DESC, lead_id, track
LIMIT {limit:UInt64};
-- as_of = 2026-05-20 12:00:00 +0000 UTC
-- limit = 101
