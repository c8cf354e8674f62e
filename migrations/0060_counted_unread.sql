-- How many messages the room had before the join.
ALTER TABLE memberships ADD COLUMN messages_before bigint NOT NULL DEFAULT 0;

-- Who has said something in a room, and how many messages since they joined last.
CREATE TABLE authors (
    room_id uuid NOT NULL,
    user_id bigint NOT NULL,
    message_count bigint NOT NULL,
    PRIMARY KEY (room_id, user_id)
) WITH (fillfactor = 70);

-- How many messages the room has up to the mark, and how many of them its user said since they joined last.
ALTER TABLE read_marks ADD COLUMN messages bigint NOT NULL DEFAULT 0;
ALTER TABLE read_marks ADD COLUMN own bigint NOT NULL DEFAULT 0;

WITH counted AS (
    SELECT
        room_id, user_id, joined_version,
        sum(is_message) OVER (PARTITION BY room_id ORDER BY version, is_message) AS messages_before
    FROM (
        SELECT room_id, version, 1 AS is_message, NULL::bigint AS user_id, NULL::bigint AS joined_version FROM messages
        UNION ALL SELECT room_id, joined_version, 0, user_id, joined_version FROM memberships
    ) AS event
)
UPDATE memberships SET messages_before = counted.messages_before
FROM counted
WHERE counted.joined_version IS NOT NULL AND counted.messages_before > 0
    AND (memberships.room_id, memberships.user_id, memberships.joined_version)
        = (counted.room_id, counted.user_id, counted.joined_version);

INSERT INTO authors (room_id, user_id, message_count)
SELECT said.room_id, said.user_id, count(*) FILTER (WHERE said.version > coalesce(stay.joined_version, 0))
FROM messages AS said LEFT JOIN (
    SELECT room_id, user_id, max(joined_version) AS joined_version FROM memberships GROUP BY room_id, user_id
) AS stay USING (room_id, user_id)
GROUP BY said.room_id, said.user_id;

WITH counted AS (
    SELECT
        room_id, marked_by,
        sum(is_message) OVER (PARTITION BY room_id ORDER BY version, marked_by NULLS FIRST) AS messages
    FROM (
        SELECT room_id, version, 1 AS is_message, NULL::bigint AS marked_by FROM messages
        UNION ALL SELECT room_id, version, 0, user_id FROM read_marks
    ) AS event
)
UPDATE read_marks SET messages = counted.messages
FROM counted WHERE counted.marked_by = read_marks.user_id AND counted.room_id = read_marks.room_id;

WITH said AS (
    SELECT mark.user_id, mark.room_id, count(*) AS messages
    FROM read_marks AS mark
    JOIN (
        SELECT room_id, user_id, max(joined_version) AS joined_version FROM memberships GROUP BY room_id, user_id
    ) AS stay USING (room_id, user_id)
    JOIN messages USING (room_id, user_id)
    WHERE messages.version > stay.joined_version AND messages.version <= mark.version
    GROUP BY mark.user_id, mark.room_id
)
UPDATE read_marks SET own = said.messages
FROM said WHERE said.user_id = read_marks.user_id AND said.room_id = read_marks.room_id;

-- Programs of before count nobody's messages.
UPDATE fold_versions SET version = 8 WHERE projection = 'rooms';
