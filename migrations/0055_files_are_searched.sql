-- Messages with files are found by `has:file`: those that are indexed get the token that new ones have.
UPDATE search_index AS said SET tokens = tokens || $$':has:file'$$::tsvector
WHERE EXISTS (SELECT FROM attachments WHERE attachments.room_id = said.room_id AND attachments.version = said.message);
