-- Which lead an id's events count for. A visitor who said who they are, and a user
-- id that a person joined to another, lead to one lead; the worker decides
-- (docs/identity.md) and writes it into the records of both.
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS merged_into UUID COMMENT 'The lead that this id was joined to; all zeros: it stands for itself. Such a row has fit X, so that nobody is counted twice' AFTER record;
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS joined_leads Array(UUID) COMMENT 'Leads of the other ids that this one is made of' AFTER merged_into;
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS joined_at Array(DateTime64(3, 'UTC')) COMMENT 'When each of them was joined' AFTER joined_leads;

-- A lead of several tracks is joined alike in all of them.
CREATE VIEW IF NOT EXISTS lead_ids AS
SELECT site, joined.1 AS lead_id, argMax(holder, joined.2) AS counts_for, max(joined.2) AS joined_at
FROM
(
    SELECT site, lead_id AS holder, arrayJoin(arrayZip(joined_leads, joined_at)) AS joined
    FROM lead_state FINAL
    WHERE notEmpty(joined_leads)
)
GROUP BY site, joined.1
COMMENT 'Ids that were joined to a lead, and the lead that their events count for now. An id that stands for itself has no row';

-- Join it to events or ledger by site and event_id for what else they have.
CREATE VIEW IF NOT EXISTS events_resolved AS
SELECT e.site AS site, e.event_id AS event_id, e.event_time AS event_time, e.type AS type, e.lead_id AS lead_id,
       if(i.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), e.lead_id, i.counts_for) AS resolved_lead_id
FROM (SELECT site, event_id, event_time, type, lead_id FROM events FINAL) AS e
LEFT ANY JOIN lead_ids AS i ON e.site = i.site AND e.lead_id = i.lead_id
COMMENT 'Every event once, with the lead that it counts for as of now: also events from before the visitor said who they are';

ALTER TABLE lead_ids COMMENT COLUMN site 'The site', COMMENT COLUMN lead_id 'Lead of the id that was joined', COMMENT COLUMN counts_for 'The lead that its events count for', COMMENT COLUMN joined_at 'When it was joined';
ALTER TABLE events_resolved COMMENT COLUMN site 'The site', COMMENT COLUMN event_id 'The event', COMMENT COLUMN event_time 'When it happened', COMMENT COLUMN type 'Type of the event', COMMENT COLUMN lead_id 'Lead of the id that the event names: its user, else its visitor', COMMENT COLUMN resolved_lead_id 'The lead that it counts for now';
