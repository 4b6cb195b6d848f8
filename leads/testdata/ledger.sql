SELECT event_id, rule, points, units, counted, reason
FROM ledger FINAL
WHERE site = {site:String} AND track = {track:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)})) AND has({events:Array(String)}, event_id)
    AND (lead_id, publication) IN (SELECT lead_id, maxIf(publication, reason = 'published') FROM ledger WHERE site = {site:String} AND track = {track:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)})) GROUP BY lead_id)
ORDER BY counted DESC, abs(points * units) DESC, rule, reason;
-- site = demo
-- track = main
-- leads = [8ecb14e6-509d-8d25-9374-e088bb933aad]
-- events = [e1 e2]
