-- The evidence that a person was erased: one row a request and store. It names
-- nobody: whoever has the lead's id can find its row by the digest; the row alone
-- does not say whose it is.
CREATE TABLE IF NOT EXISTS erasures
(
    site            LowCardinality(String) COMMENT 'The site',
    request_id      String COMMENT 'The request; repeating it changes nothing',
    store           LowCardinality(String) COMMENT 'Where was searched: table events, topic leadstream.leads.v1, spool, state, ...',
    lead_digest     FixedString(32) COMMENT 'SHA-256 of the lead''s id in its text form: WHERE lead_digest = SHA256(''...'') finds a known id again',
    asked_at        DateTime64(3, 'UTC') COMMENT 'When it was asked for',
    asked_by        LowCardinality(String) COMMENT 'Which of our people or tokens asked',
    finished_at     DateTime64(3, 'UTC') COMMENT 'When this store was searched last; the newest row wins',
    removed         UInt64 COMMENT 'Rows or records removed here, all runs together',
    remaining       UInt64 COMMENT 'Rows or records found by the last search after the removal; 0 is the proof',
    gone_by         Nullable(DateTime64(3, 'UTC')) COMMENT 'What cannot be deleted in place (a topic) is gone by then, by retention or compaction; NULL: gone now',
    detail          String COMMENT 'How it was searched, or why something remains; never an id' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(finished_at)
ORDER BY (site, request_id, store)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Evidence of erasures: what was removed from which store, and what a search found afterwards. Names nobody. Say FINAL';
