-- Which leads may be one person, for a person to decide (docs/identity.md). Only here can two leads of different partitions be
-- seen beside each other, and the answer depends on no order.
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS proposed_leads Array(UUID) COMMENT 'Leads that an alias said this one to be; a person has to decide' AFTER joined_at;
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS proposed_at Array(DateTime64(3, 'UTC')) COMMENT 'When it said so' AFTER proposed_leads;
ALTER TABLE lead_state ADD COLUMN IF NOT EXISTS denied_leads Array(UUID) COMMENT 'Leads that a person said this one not to be' AFTER proposed_at;

-- An address, or a device, that more than 5 ids share is an office's: info@ is nobody. An id that was joined stands for its lead,
-- so a pair that is one lead already falls out, as does one that a person has denied. Addresses that a site hashes are equal
-- when the addresses were.
CREATE VIEW IF NOT EXISTS identity_proposals AS
SELECT
    site, pair[1] AS lead_a, pair[2] AS lead_b, reason, min(shared) AS evidence, min(seen) AS since
FROM
(
    SELECT
        said.site AS site, said.reason AS reason, said.shared AS shared, said.seen AS seen,
        arraySort([if(a.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), said.one, a.counts_for),
                   if(b.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), said.two, b.counts_for)]) AS pair
    FROM
    (
        SELECT site, reason, shared, x.1 AS one, y.1 AS two, greatest(x.2, y.2) AS seen
        FROM
        (
            SELECT site, 'email' AS reason, address AS shared, groupUniqArray(6)((lead_id, first_seen)) AS people
            FROM
            (
                SELECT site, lead_id, min(lead_state.first_seen) AS first_seen,
                       if(startsWith(email, 'e:'), email, lowerUTF8(trimBoth(email))) AS address
                FROM lead_state FINAL
                WHERE email != '' AND (position(email, '@') > 1 OR startsWith(email, 'e:')) AND merged_into = toUUID('00000000-0000-0000-0000-000000000000')
                GROUP BY site, lead_id, address
            )
            GROUP BY site, address
            UNION ALL
            SELECT site, 'device', anonymous_id, groupUniqArray(6)((lead_id, said_at))
            FROM
            (
                SELECT site, anonymous_id, min(at) AS said_at,
                       lower(hex(substring(SHA256(concat(site, '/', user_id)), 1, 16))) AS h,
                       toUUID(concat(substring(h, 1, 8), '-', substring(h, 9, 4), '-8', substring(h, 14, 3), '-',
                                     ['8', '9', 'a', 'b'][1 + (position('0123456789abcdef', substring(h, 17, 1)) - 1) % 4], substring(h, 18, 3), '-', substring(h, 21, 12))) AS lead_id
                FROM identities
                GROUP BY site, anonymous_id, user_id
            )
            GROUP BY site, anonymous_id
        )
        ARRAY JOIN people AS x
        ARRAY JOIN people AS y
        WHERE length(people) BETWEEN 2 AND 5 AND x.1 < y.1
        UNION ALL
        SELECT site, 'alias', '', lead_id, p.1, p.2
        FROM (SELECT site, lead_id, arrayJoin(arrayZip(proposed_leads, proposed_at)) AS p FROM lead_state FINAL WHERE notEmpty(proposed_leads))
    ) AS said
    LEFT ANY JOIN lead_ids AS a ON said.site = a.site AND said.one = a.lead_id
    LEFT ANY JOIN lead_ids AS b ON said.site = b.site AND said.two = b.lead_id
)
WHERE pair[1] != pair[2]
  AND (site, pair[1]) IN (SELECT site, lead_id FROM lead_state)
  AND (site, pair[2]) IN (SELECT site, lead_id FROM lead_state)
  AND (site, pair) NOT IN
  (
    SELECT said.site, arraySort([if(a.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), said.one, a.counts_for),
                            if(b.counts_for = toUUID('00000000-0000-0000-0000-000000000000'), said.two, b.counts_for)])
    FROM (SELECT site, lead_id AS one, arrayJoin(denied_leads) AS two FROM lead_state FINAL WHERE notEmpty(denied_leads)) AS said
    LEFT ANY JOIN lead_ids AS a ON said.site = a.site AND said.one = a.lead_id
    LEFT ANY JOIN lead_ids AS b ON said.site = b.site AND said.two = b.lead_id
  )
GROUP BY site, lead_a, lead_b, reason
COMMENT 'Pairs of leads that may be one person, by reason, which a person has to decide: not those that are joined, and not those that a person has denied. An address or a device that more than 5 ids share proposes nothing';

ALTER TABLE identity_proposals COMMENT COLUMN site 'The site', COMMENT COLUMN lead_a 'One lead', COMMENT COLUMN lead_b 'The other one', COMMENT COLUMN reason 'email: both have the address; device: both said to be its user; alias: an event said that one is the other', COMMENT COLUMN evidence 'The address, or the device''s visitor id', COMMENT COLUMN since 'Since when it can be seen';
