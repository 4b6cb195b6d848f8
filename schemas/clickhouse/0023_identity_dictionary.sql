-- The ids of people, in memory: where an event counts now is one look-up a row, without a join. An id that stands for itself is not
-- in it, hence dictGetOrDefault with the id itself. Its rows are those of lead_ids, so chains of joins and splits are resolved there.
-- It is filled with the rights of the server's own user, which no row policy filters: analysts of some sites are not granted it
-- (docs/decisions/025). Read when it is first asked, then again within 20 s; a server that nobody asks never reads it.
CREATE DICTIONARY IF NOT EXISTS identity
(
    site       String,
    lead_id    UUID,
    counts_for UUID,
    joined_at  DateTime64(3, 'UTC')
)
PRIMARY KEY site, lead_id
SOURCE(CLICKHOUSE(TABLE 'lead_ids'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 10 MAX 20)
COMMENT 'Of each joined id, the lead that its events count for, at most 20 s ago: dictGetOrDefault(''identity'', ''counts_for'', (site, lead_id), lead_id). For analysts of all sites; others join lead_ids. The columns are those of view lead_ids';
