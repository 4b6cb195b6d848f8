SELECT event_id, rule, points, units, counted, reason
FROM ledger FINAL
WHERE site = {site:String} AND track = {track:String} AND lead_id = {lead:UUID} AND has({events:Array(String)}, event_id)
    AND publication = (SELECT max(publication) FROM ledger WHERE site = {site:String} AND track = {track:String} AND lead_id = {lead:UUID} AND reason = 'published')
ORDER BY counted DESC, abs(points * units) DESC, rule, reason;
-- site = demo
-- track = main
-- lead = 8ecb14e6-509d-8d25-9374-e088bb933aad
-- events = [e1 e2]
