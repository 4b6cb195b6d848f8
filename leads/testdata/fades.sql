SELECT lead_id, track, record
FROM lead_state FINAL
WHERE lead_id IN (SELECT arrayJoin({leads:Array(UUID)}));
-- leads = [8ecb14e6-509d-8d25-9374-e088bb933aad]
