SELECT account, site, track, name, domains, people, active_people, score, engagement, fit, grade,
       best_lead, best_name, best_score, last_seen, signals, signal_kinds, signal_title, signal_at,
       cityHash64(site, track, account) AS place
FROM accounts_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE 1
  AND site = {site:String}
  AND track = {track:String}
  AND positionCaseInsensitiveUTF8(concat(account, '\n', name, '\n', arrayStringConcat(domains, '\n'), '\n', best_name), {q:String}) > 0
  AND score >= {min_score:Float64}
  AND (score < reinterpretAsFloat64({after_key:UInt64}) OR score = reinterpretAsFloat64({after_key:UInt64})
       AND (last_seen < {after_seen:DateTime64(3, 'UTC')} OR last_seen = {after_seen:DateTime64(3, 'UTC')} AND place > {after_place:UInt64}))
ORDER BY score DESC, last_seen DESC, place
LIMIT {limit:UInt64};
-- as_of = 2026-05-20 12:00:00 +0000 UTC
-- limit = 11
-- site = demo
-- track = main
-- q = acme
-- min_score = 50
-- after_key = 4633922541587529728
-- after_seen = 2026-05-20 12:00:00 +0000 UTC
-- after_place = 7
