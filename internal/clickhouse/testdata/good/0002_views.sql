CREATE OR REPLACE VIEW visits_by_note AS
SELECT note, uniqExact(id) AS visits FROM visits GROUP BY note;
ALTER TABLE raw ADD COLUMN IF NOT EXISTS place LowCardinality(String);
