SELECT site, track, stage, count()
FROM lead_state FINAL
WHERE fit != 'X'
GROUP BY site, track, stage
ORDER BY site, track, stage
LIMIT 10000;
