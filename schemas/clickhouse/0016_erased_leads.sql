-- An erasure is of all ids of a person, so one request has several leads. The
-- sink reads this table and writes no row of what was received up to `until`:
-- records of the person are still in topics, and a repeat would bring rows back.
CREATE TABLE IF NOT EXISTS erased_leads
(
    site            LowCardinality(String) COMMENT 'The site',
    lead_digest     FixedString(32) COMMENT 'SHA-256 of the lead''s id in its text form: names nobody, and finds a known id again',
    request_id      String COMMENT 'The request; its evidence is in erasures',
    until           DateTime64(3, 'UTC') COMMENT 'What was received up to then is erased; later, the visitor is a new one'
)
ENGINE = ReplacingMergeTree
ORDER BY (site, lead_digest, request_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Digests of the leads that were erased: what keeps them erased. Names nobody. Say FINAL';

-- A topic is not searched: it cannot be cleaned, only waited for (gone_by).
ALTER TABLE erasures ADD COLUMN IF NOT EXISTS searched Bool DEFAULT true COMMENT 'False: not searched, because nothing can be deleted there before gone_by; removed and remaining say nothing' AFTER remaining;
