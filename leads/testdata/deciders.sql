SELECT lead_id, record
FROM lead_state FINAL
WHERE site = {site:String} AND track = {track:String} AND lead_id IN (SELECT arrayJoin({leads:Array(UUID)}));
-- site = demo
-- track = main
-- leads = [8ecb14e6-509d-8d25-9374-e088bb933aad]
