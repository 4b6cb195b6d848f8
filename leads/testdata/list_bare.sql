SELECT lead_id, site, track, anonymous_id, user_id, name, email, company, country,
       score, grade, fit, engagement, stage, sub_stage, stage_since, first_seen, last_seen, sessions,
       last_type, last_name, last_path, last_rule, term_rule, term_now, flags, falls_at, falls_to,
       model_version, revision
FROM leads_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE 1
  AND (fit != 'X' OR (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM lead_state FINAL WHERE merged_into != toUUID('00000000-0000-0000-0000-000000000000')))
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
          AND (fit != 'X' OR (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM lead_state FINAL WHERE merged_into != toUUID('00000000-0000-0000-0000-000000000000')))
          AND (site, track, lead_id) IN
          (
            SELECT site, track, lead_id
            FROM lead_state
            WHERE 1
              AND (fit != 'X' OR (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM lead_state FINAL WHERE merged_into != toUUID('00000000-0000-0000-0000-000000000000')))
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
      AND (fit != 'X' OR (site, track, lead_id) NOT IN (SELECT site, track, lead_id FROM lead_state FINAL WHERE merged_into != toUUID('00000000-0000-0000-0000-000000000000')))
      AND at_most + 0.000001 >= worst.1
      AND (worst.1 < 100 OR last_seen >= worst.2)
  )
ORDER BY score DESC, last_seen DESC, lead_id, track
LIMIT {limit:UInt64};
-- as_of = 2026-05-20 12:00:00 +0000 UTC
-- limit = 101
