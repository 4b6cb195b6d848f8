SELECT lead_id, site, track, anonymous_id, user_id, name, email, company, country,
       score, grade, fit, engagement, stage, sub_stage, stage_since, first_seen, last_seen, sessions,
       last_type, last_name, last_path, last_rule, term_rule, term_now, flags, falls_at, falls_to,
       model_version, revision
FROM leads_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE 1
  AND site = {site:String}
  AND track = {track:String}
  AND has({stages:Array(String)}, stage)
  AND arrayExists(g -> startsWith(grade, g), {grades:Array(String)})
  AND last_seen >= {since:DateTime64(3, 'UTC')}
  AND (positionCaseInsensitiveUTF8(concat(name, '\n', email, '\n', company, '\n', user_id, '\n', anonymous_id), {q:String}) > 0
       OR toString(lead_id) = lowerUTF8({q:String}))
  AND score >= {min_score:Float64}
  AND fit != 'X'
  AND NOT has({closed:Array(String)}, stage)
  AND (score < reinterpretAsFloat64({after_key:UInt64}) OR score = reinterpretAsFloat64({after_key:UInt64}) AND (last_seen < {after_seen:DateTime64(3, 'UTC')}
       OR last_seen = {after_seen:DateTime64(3, 'UTC')} AND (lead_id, track) > ({after_lead:UUID}, {after_track:String})))
ORDER BY score DESC, last_seen DESC, lead_id, track
LIMIT {limit:UInt64};
-- as_of = 2026-05-20 12:00:00 +0000 UTC
-- site = demo
-- track = main
-- stages = [intent aware]
-- grades = [A B1]
-- since = 2026-05-20 11:00:00 +0000 UTC
-- q = ada
-- min_score = 50
-- closed = [won lost]
-- after_key = 4633922541587529728
-- after_seen = 2026-05-20 12:00:00 +0000 UTC
-- after_lead = 8ecb14e6-509d-8d25-9374-e088bb933aad
-- after_track = main
-- limit = 11
