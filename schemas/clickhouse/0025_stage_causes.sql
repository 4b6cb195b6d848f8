-- The comment knew four causes, and one of them nobody writes: a salesperson's word comes as a signed CRM event.
ALTER TABLE stage_log COMMENT COLUMN IF EXISTS cause 'event, timer (the score faded), crm, publish (another model was published), identity (ids were joined)';
