SELECT lead_id, any(user_id), any(anonymous_id), any(name), any(email), any(company)
FROM lead_state FINAL
WHERE lead_id IN (SELECT arrayJoin({leads:Array(UUID)}))
GROUP BY lead_id;
-- leads = [8ecb14e6-509d-8d25-9374-e088bb933aad]
