-- A file of several statements; its strings and comments hold semicolons; on purpose.
CREATE TABLE IF NOT EXISTS visits
(
    id   UInt64,
    note String DEFAULT 'none; yet' /* a default; not a statement */
)
ENGINE = ReplacingMergeTree
ORDER BY id;

CREATE TABLE IF NOT EXISTS raw (id UInt64, note String) ENGINE = MergeTree ORDER BY id;
