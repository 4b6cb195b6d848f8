-- Which lead an id's events count for. A visitor who said who they are, and a user
-- id that a person joined to another, lead to one lead; the worker decides
-- (docs/identity.md) and writes it into the records of both.
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS merged_into UUID COMMENT 'The lead that this id was joined to; all zeros: it stands for itself. Such a row has fit X, so that nobody is counted twice' AFTER record;
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS joined_leads Array(UUID) COMMENT 'Leads of the other ids that this one is made of' AFTER merged_into;
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS joined_at Array(DateTime64(3, 'UTC')) COMMENT 'When each of them was joined' AFTER joined_leads;

-- A lead of several tracks is joined alike in all of them.
CREATE VIEW IF NOT EXISTS lead_ids AS
SELECT site, joined.1 AS lead_id, argMax(lead_id, joined.2) AS counts_for, max(joined.2) AS joined_at
FROM
(
    SELECT site, lead_id, arrayJoin(arrayZip(joined_leads, joined_at)) AS joined
    FROM lead_state FINAL
    WHERE notEmpty(joined_leads)
)
GROUP BY site, joined.1
COMMENT 'Ids that were joined to a lead, and the lead that their events count for now. An id that stands for itself has no row';

CREATE VIEW IF NOT EXISTS events_resolved AS
SELECT e.*, if(i.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), e.lead_id, i.counts_for) AS resolved_lead_id
FROM (SELECT * FROM events FINAL) AS e
LEFT ANY JOIN lead_ids AS i ON e.site = i.site AND e.lead_id = i.lead_id
COMMENT 'Every event once, with the lead that it counts for as of now: also events from before the visitor said who they are';

CREATE VIEW IF NOT EXISTS ledger_resolved AS
SELECT l.*, if(i.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), l.lead_id, i.counts_for) AS resolved_lead_id
FROM (SELECT * FROM ledger FINAL) AS l
LEFT ANY JOIN lead_ids AS i ON l.site = i.site AND l.lead_id = i.lead_id
COMMENT 'Every ledger row once, with the lead that it counts for as of now';
