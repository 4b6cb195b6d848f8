-- repeatable: visits keeps one row an id
INSERT INTO visits (id, note) VALUES (1, 'one; two'), (2, 'two');
