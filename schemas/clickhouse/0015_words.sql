-- Words for what had none, and one meaning of a funnel.

-- Leads that a flag rules out (fit X: employees, rivals, bots) are in no funnel, as in `leadstream report` and in the
-- views of 0008; this one had counted them.
CREATE OR REPLACE VIEW funnel AS
SELECT
    stage, place, reached,
    lagInFrame(reached) OVER w AS from_previous,
    if(from_previous = 0, NULL, reached / from_previous) AS step_rate,
    reached / first_value(reached) OVER w AS total_rate
FROM
(
    SELECT
        s.1 AS stage,
        min(s.2) AS place,
        uniqExact(lead_id) AS reached
    FROM
    (
        SELECT
            lead_id,
            arrayJoin(arrayConcat([(argMin(from_stage, entry_no), 0)],
                arrayMap(e -> (e.2, e.1), arrayFilter(e -> e.3 != 'demote', groupUniqArray((entry_no, to_stage, direction)))))) AS s
        FROM stage_log
        WHERE site = {site:String} AND track = {track:String}
            AND lead_id NOT IN (SELECT lead_id FROM lead_state FINAL WHERE site = {site:String} AND track = {track:String} AND fit = 'X')
        GROUP BY lead_id
        HAVING argMin(at, entry_no) >= {from:DateTime64(3, 'UTC')} AND argMin(at, entry_no) < {to:DateTime64(3, 'UTC')}
    )
    WHERE stage NOT IN ('', 'lost')
    GROUP BY stage
)
WINDOW w AS (ORDER BY place, reached DESC, stage ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
ORDER BY place, reached DESC, stage
COMMENT 'How far the leads came that made their first transition in a window: funnel(site = ''demo'', track = ''main'', from = ''2026-01-01 00:00:00'', to = ''2026-02-01 00:00:00''). Columns: stage; place on the path, from 0; reached, leads that came so far; from_previous, leads of the stage before; step_rate = reached / from_previous; total_rate = reached / leads of the first stage. Without ruled-out leads (fit X)';

-- Views with parameters have no columns in system.columns: their comment names them.
ALTER TABLE leads_at MODIFY COMMENT 'Score, grade and stage of every lead at an instant: leads_at(at = ''2026-01-31 12:00:00''). The columns are those of view leads, which says what each is. Not for instants before a lead''s newest event: lead_score_at is';
ALTER TABLE lead_score_at MODIFY COMMENT 'Score of every lead as it was known at any instant, folded from the ledger: lead_score_at(at = ''2026-01-31 12:00:00''). Columns: site, track, lead_id; score, clamped; group_values, what each group gave, by name';

ALTER TABLE leads
    COMMENT COLUMN site 'The site',
    COMMENT COLUMN track 'The score model''s track',
    COMMENT COLUMN lead_id 'The lead',
    COMMENT COLUMN anonymous_id 'The visitor''s id',
    COMMENT COLUMN user_id 'The person''s id, once known',
    COMMENT COLUMN name 'The person''s name, once known',
    COMMENT COLUMN email 'The person''s address, once known',
    COMMENT COLUMN company 'The company, once known',
    COMMENT COLUMN country 'ISO 3166 code',
    COMMENT COLUMN traits 'Newest value of every attribute, a JSON object in text',
    COMMENT COLUMN term_now 'What part i of the score is worth now; term_rule, term_group and term_interest name the part',
    COMMENT COLUMN group_now 'What group i gives now: the sum of its parts between the group''s bounds; joins group_name',
    COMMENT COLUMN score 'Score of now, -100 to 100: groups and parts without a group, clamped',
    COMMENT COLUMN engagement 'Band of the score of now: 1 (hottest) to 4',
    COMMENT COLUMN fit 'A-D; ? when too little is known; X when a flag rules the lead out',
    COMMENT COLUMN grade 'Fit and band of now: A1, B3, ?2; X: ruled out',
    COMMENT COLUMN stage 'Stage of the funnel',
    COMMENT COLUMN stage_order 'Place of the stage in the model, from 0',
    COMMENT COLUMN sub_stage 'Sub-stage',
    COMMENT COLUMN stage_since 'When the stage was entered',
    COMMENT COLUMN entry_no 'Transitions so far; joins stage_log',
    COMMENT COLUMN first_seen 'First event',
    COMMENT COLUMN last_seen 'Newest event',
    COMMENT COLUMN sessions 'Visits so far',
    COMMENT COLUMN last_type 'Type of the newest event',
    COMMENT COLUMN last_name 'Name of the newest event',
    COMMENT COLUMN last_path 'Path of the newest event',
    COMMENT COLUMN last_rule 'The rule of most points that the newest counted event met',
    COMMENT COLUMN flags 'employee, competitor, bot, opt-out, ...',
    COMMENT COLUMN term_rule 'Rule of part i of the score; the value of now is term_now',
    COMMENT COLUMN term_group 'Group of part i; joins group_name',
    COMMENT COLUMN term_interest 'Interest of part i',
    COMMENT COLUMN group_name 'Groups with bounds; group_now has their values',
    COMMENT COLUMN falls_at 'When the lead falls to falls_to if nothing more happens',
    COMMENT COLUMN falls_to 'The lower stage it falls to',
    COMMENT COLUMN model_version 'The model that decided',
    COMMENT COLUMN revision 'Grows by one with every record of the lead and track',
    COMMENT COLUMN received_at 'received_at of the event that caused this revision',
    COMMENT COLUMN inserted_at 'When ClickHouse took the row; minus received_at is the freshness';

ALTER TABLE hot_leads
    COMMENT COLUMN site 'The site',
    COMMENT COLUMN track 'The score model''s track',
    COMMENT COLUMN lead_id 'The lead',
    COMMENT COLUMN anonymous_id 'The visitor''s id',
    COMMENT COLUMN user_id 'The person''s id, once known',
    COMMENT COLUMN name 'The person''s name, once known',
    COMMENT COLUMN email 'The person''s address, once known',
    COMMENT COLUMN company 'The company, once known',
    COMMENT COLUMN country 'ISO 3166 code',
    COMMENT COLUMN traits 'Newest value of every attribute, a JSON object in text',
    COMMENT COLUMN term_now 'What part i of the score is worth now; term_rule, term_group and term_interest name the part',
    COMMENT COLUMN group_now 'What group i gives now: the sum of its parts between the group''s bounds; joins group_name',
    COMMENT COLUMN score 'Score of now, -100 to 100: groups and parts without a group, clamped',
    COMMENT COLUMN engagement 'Band of the score of now: 1 (hottest) to 4',
    COMMENT COLUMN fit 'A-D; ? when too little is known; X when a flag rules the lead out',
    COMMENT COLUMN grade 'Fit and band of now: A1, B3, ?2; X: ruled out',
    COMMENT COLUMN stage 'Stage of the funnel',
    COMMENT COLUMN stage_order 'Place of the stage in the model, from 0',
    COMMENT COLUMN sub_stage 'Sub-stage',
    COMMENT COLUMN stage_since 'When the stage was entered',
    COMMENT COLUMN entry_no 'Transitions so far; joins stage_log',
    COMMENT COLUMN first_seen 'First event',
    COMMENT COLUMN last_seen 'Newest event',
    COMMENT COLUMN sessions 'Visits so far',
    COMMENT COLUMN last_type 'Type of the newest event',
    COMMENT COLUMN last_name 'Name of the newest event',
    COMMENT COLUMN last_path 'Path of the newest event',
    COMMENT COLUMN last_rule 'The rule of most points that the newest counted event met',
    COMMENT COLUMN flags 'employee, competitor, bot, opt-out, ...',
    COMMENT COLUMN term_rule 'Rule of part i of the score; the value of now is term_now',
    COMMENT COLUMN term_group 'Group of part i; joins group_name',
    COMMENT COLUMN term_interest 'Interest of part i',
    COMMENT COLUMN group_name 'Groups with bounds; group_now has their values',
    COMMENT COLUMN falls_at 'When the lead falls to falls_to if nothing more happens',
    COMMENT COLUMN falls_to 'The lower stage it falls to',
    COMMENT COLUMN model_version 'The model that decided',
    COMMENT COLUMN revision 'Grows by one with every record of the lead and track',
    COMMENT COLUMN received_at 'received_at of the event that caused this revision',
    COMMENT COLUMN inserted_at 'When ClickHouse took the row; minus received_at is the freshness';

ALTER TABLE schema_migrations
    COMMENT COLUMN version 'Number of the file',
    COMMENT COLUMN name 'Name of the file',
    COMMENT COLUMN checksum 'SHA-256 of its statements: an applied file that was changed since is refused',
    COMMENT COLUMN applied_at 'When it was applied';
ALTER TABLE schema_migrations MODIFY COMMENT 'The schema files that were applied, written by leadstream migrate. Say FINAL';
