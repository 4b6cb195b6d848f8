SELECT lead_id, site, track, anonymous_id, user_id, name, email, company, country,
       score, grade, fit, engagement, stage, sub_stage, stage_since, first_seen, last_seen, sessions,
       last_type, last_name, last_path, last_rule, term_rule, term_now, flags, falls_at, falls_to,
       model_version, revision
FROM leads_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE 1
  AND (fit != 'X' OR (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM lead_state FINAL WHERE merged_into != toUUID('00000000-0000-0000-0000-000000000000')))
  AND (last_seen < {after_key:DateTime64(3, 'UTC')} OR last_seen = {after_key:DateTime64(3, 'UTC')} AND (last_seen < {after_seen:DateTime64(3, 'UTC')}
       OR last_seen = {after_seen:DateTime64(3, 'UTC')} AND (lead_id, track) > ({after_lead:UUID}, {after_track:String})))
ORDER BY last_seen DESC, last_seen DESC, lead_id, track
LIMIT {limit:UInt64};
-- as_of = 2026-05-20 12:00:00 +0000 UTC
-- after_key = 146845129-09-06 20:32:09.728 +0000 UTC
-- after_seen = 2026-05-20 12:00:00 +0000 UTC
-- after_lead = 8ecb14e6-509d-8d25-9374-e088bb933aad
-- after_track = main
-- limit = 11
