SELECT record, traits
FROM lead_state FINAL
WHERE lead_id = {lead:UUID} AND track = {track:String}
ORDER BY score DESC, track
LIMIT 1;
-- lead = 8ecb14e6-509d-8d25-9374-e088bb933aad
-- track = main
