SELECT lead_id, site, track, anonymous_id, user_id, name, email, company, country,
       score, grade, fit, engagement, stage, sub_stage, stage_since, first_seen, last_seen, sessions,
       last_type, last_name, last_path, last_rule, term_rule, term_now, flags, falls_at, falls_to,
       model_version, revision
FROM leads_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE 1
  AND site = {site:String}
  AND track = {track:String}
  AND has({stages:Array(String)}, stage)
  AND last_seen >= {since:DateTime64(3, 'UTC')}
  AND (positionCaseInsensitiveUTF8(concat(name, '\n', email, '\n', company, '\n', user_id, '\n', anonymous_id), {q:String}) > 0
       OR toString(lead_id) = lowerUTF8({q:String}))
  AND fit != 'X'
  AND NOT has({closed:Array(String)}, stage)
  AND arrayExists(g -> startsWith(grade, g), {grades:Array(String)})
  AND score >= {min_score:Float64}
  AND (score < reinterpretAsFloat64({after_key:UInt64}) OR score = reinterpretAsFloat64({after_key:UInt64}) AND (last_seen < {after_seen:DateTime64(3, 'UTC')}
       OR last_seen = {after_seen:DateTime64(3, 'UTC')} AND (lead_id, track) > ({after_lead:UUID}, {after_track:String})))
  AND (site, track, lead_id) IN
  (
    WITH
    (
      SELECT if(count() < {limit:UInt64}, (-1000., toDateTime64(0, 3, 'UTC')), min((score, last_seen)))
      FROM
      (
        SELECT score, last_seen
        FROM leads_at(at = {as_of:DateTime64(3, 'UTC')})
        WHERE 1
          AND site = {site:String}
          AND track = {track:String}
          AND has({stages:Array(String)}, stage)
          AND last_seen >= {since:DateTime64(3, 'UTC')}
          AND (positionCaseInsensitiveUTF8(concat(name, '\n', email, '\n', company, '\n', user_id, '\n', anonymous_id), {q:String}) > 0
       OR toString(lead_id) = lowerUTF8({q:String}))
          AND fit != 'X'
          AND NOT has({closed:Array(String)}, stage)
          AND arrayExists(g -> startsWith(grade, g), {grades:Array(String)})
          AND score >= {min_score:Float64}
          AND (score < reinterpretAsFloat64({after_key:UInt64}) OR score = reinterpretAsFloat64({after_key:UInt64}) AND (last_seen < {after_seen:DateTime64(3, 'UTC')}
       OR last_seen = {after_seen:DateTime64(3, 'UTC')} AND (lead_id, track) > ({after_lead:UUID}, {after_track:String})))
          AND (site, track, lead_id) IN
          (
            SELECT site, track, lead_id
            FROM lead_state
            WHERE 1
              AND site = {site:String}
              AND track = {track:String}
              AND has({stages:Array(String)}, stage)
              AND last_seen >= {since:DateTime64(3, 'UTC')}
              AND (positionCaseInsensitiveUTF8(concat(name, '\n', email, '\n', company, '\n', user_id, '\n', anonymous_id), {q:String}) > 0
       OR toString(lead_id) = lowerUTF8({q:String}))
              AND fit != 'X'
              AND NOT has({closed:Array(String)}, stage)
              AND least(100., bound_most, bound_keep + bound_fade * exp2(-greatest(0, toUnixTimestamp64Milli({as_of:DateTime64(3, 'UTC')}) - toUnixTimestamp64Milli(bound_from)) / 86400000 / greatest(bound_half_life, 0.000001))) <= reinterpretAsFloat64({after_key:UInt64})
            ORDER BY least(100., bound_most, bound_keep + bound_fade * exp2(-greatest(0, toUnixTimestamp64Milli({as_of:DateTime64(3, 'UTC')}) - toUnixTimestamp64Milli(bound_from)) / 86400000 / greatest(bound_half_life, 0.000001))) DESC, last_seen DESC
            LIMIT 4 * {limit:UInt64}
          )
        ORDER BY score DESC, last_seen DESC, lead_id, track
        LIMIT {limit:UInt64}
      )
    ) AS worst, least(100., bound_most, bound_keep + bound_fade * exp2(-greatest(0, toUnixTimestamp64Milli({as_of:DateTime64(3, 'UTC')}) - toUnixTimestamp64Milli(bound_from)) / 86400000 / greatest(bound_half_life, 0.000001))) AS at_most
    SELECT site, track, lead_id
    FROM lead_state
    WHERE 1
      AND site = {site:String}
      AND track = {track:String}
      AND has({stages:Array(String)}, stage)
      AND last_seen >= {since:DateTime64(3, 'UTC')}
      AND (positionCaseInsensitiveUTF8(concat(name, '\n', email, '\n', company, '\n', user_id, '\n', anonymous_id), {q:String}) > 0
       OR toString(lead_id) = lowerUTF8({q:String}))
      AND fit != 'X'
      AND NOT has({closed:Array(String)}, stage)
      AND at_most + 0.000001 >= worst.1
      AND (worst.1 < 100 OR last_seen >= worst.2)
  )
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
