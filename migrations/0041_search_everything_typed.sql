-- The index has everything that people typed, not only messages: operators search names and reasons as well. `event` is the
-- position of the event itself, where `position` is that of the message that it edited. What was indexed is indexed again.
TRUNCATE search_index;
DELETE FROM checkpoints WHERE projection = 'search';
ALTER TABLE search_index ADD COLUMN event bigint NOT NULL;
