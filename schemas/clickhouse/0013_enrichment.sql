-- What the collectors add to an event, and what they added it with. LowCardinality: a site sees some hundred networks and one
-- enriched_by a release.
ALTER TABLE events ADD COLUMN IF NOT EXISTS bot_kind LowCardinality(String) DEFAULT '' COMMENT 'What kind of machine, by its user agent: search-engine, ai-crawler, social-preview, scanner, http-library, ...; empty for people. Column bot says whether it is not scored' AFTER bot;

ALTER TABLE events ADD COLUMN IF NOT EXISTS network LowCardinality(String) DEFAULT '' COMMENT 'What the address''s network is for: datacentre, scanner (of mails); empty = not known' AFTER city;

ALTER TABLE events ADD COLUMN IF NOT EXISTS network_owner LowCardinality(String) DEFAULT '' COMMENT 'Whose network the address is in' AFTER network;

ALTER TABLE events ADD COLUMN IF NOT EXISTS enriched_by LowCardinality(String) DEFAULT '' COMMENT 'Versions of what filled the columns that nobody sent: agent/2+crawlers-1.60.0 channel/2 geo/GeoLite2-City-2026-11-20; empty before these were noted' AFTER trusted;
