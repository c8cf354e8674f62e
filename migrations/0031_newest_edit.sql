-- The newest edit of a message: what it says now is found without a look at its other edits.
ALTER TABLE messages ADD COLUMN edited_version bigint;
UPDATE messages SET edited_version = newest.version
FROM (SELECT room_id, message, max(version) AS version FROM edits GROUP BY room_id, message) AS newest
WHERE messages.room_id = newest.room_id AND messages.version = newest.message;
