SELECT site, lead_a, lead_b, reason, evidence, since
FROM identity_proposals
WHERE 1 AND site = {site:String} AND (lead_a = {lead:UUID} OR lead_b = {lead:UUID})
ORDER BY since DESC, lead_a, lead_b, reason
LIMIT {limit:UInt64};
-- limit = 10
-- site = demo
-- lead = 8ecb14e6-509d-8d25-9374-e088bb933aad
