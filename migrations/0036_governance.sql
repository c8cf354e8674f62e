-- What owners and moderators decided, one row for each decision; the newest of its aspect about a person counts.
-- `aspect`: role, ban, mute, removal (about `member_id`); topic, archive (about the room: `member_id` 0).
-- `is_set` is false where the decision ends something: a ban or mute is lifted, the topic removed, the room reopened.
-- `words` is null where they stand apart from the log, as they do unless another application recorded them.
CREATE TABLE governance (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    aspect text NOT NULL,
    member_id bigint NOT NULL,
    decided_by bigint NOT NULL,
    is_set boolean NOT NULL,
    role text,
    until timestamptz,
    words text,
    PRIMARY KEY (room_id, version)
);
CREATE INDEX governance_newest_idx ON governance (room_id, aspect, member_id, version);
ALTER TABLE governance ALTER COLUMN words SET STATISTICS 0;

-- The version that gave a room its topic, whether it is archived, and how many rows it has in `governance`.
ALTER TABLE rooms ADD COLUMN topic_version bigint;
ALTER TABLE rooms ADD COLUMN is_archived boolean NOT NULL DEFAULT false;
ALTER TABLE rooms ADD COLUMN decision_count bigint NOT NULL DEFAULT 0;

-- Programs of before fold no such event, and would move the checkpoint past it.
UPDATE fold_versions SET version = 7 WHERE projection = 'rooms';

-- Rooms know roles, bans and mutes from now on, and in which order members joined.
TRUNCATE snapshots;
