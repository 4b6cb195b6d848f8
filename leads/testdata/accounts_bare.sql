SELECT account, site, track, name, domains, people, active_people, score, engagement, fit, grade,
       best_lead, best_name, best_score, last_seen, signals, signal_kinds, signal_title, signal_at,
       cityHash64(site, track, account) AS place
FROM accounts_at(at = {as_of:DateTime64(3, 'UTC')})
WHERE 1
ORDER BY score DESC, last_seen DESC, place
LIMIT {limit:UInt64};
-- as_of = 2026-05-20 12:00:00 +0000 UTC
-- limit = 101
