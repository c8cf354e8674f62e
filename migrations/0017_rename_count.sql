-- How often a room was renamed: says whether former_names has rows to hold.
ALTER TABLE rooms ADD COLUMN rename_count integer NOT NULL DEFAULT 0;
UPDATE rooms SET rename_count = former.names
FROM (SELECT room_id, count(*) AS names FROM former_names GROUP BY room_id) AS former
WHERE former.room_id = rooms.room_id;
