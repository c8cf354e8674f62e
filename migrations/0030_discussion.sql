-- What members do about messages: edits, retractions, reactions, pins. See docs/log.md.

-- What a message was changed to. `content` is null where it stands apart from the log.
CREATE TABLE edits (
    room_id uuid NOT NULL,
    message bigint NOT NULL,
    version bigint NOT NULL,
    edited_at timestamptz NOT NULL,
    content text,
    PRIMARY KEY (room_id, message, version)
);
CREATE UNIQUE INDEX edits_version_idx ON edits (room_id, version);

-- `why` is null where there is no reason, and where it stands apart from the log.
CREATE TABLE retractions (
    room_id uuid NOT NULL,
    message bigint NOT NULL,
    version bigint NOT NULL,
    retracted_by bigint NOT NULL,
    retracted_at timestamptz NOT NULL,
    has_why boolean NOT NULL,
    why text,
    PRIMARY KEY (room_id, message)
);

-- Temporal: one row for each time that a user reacted with an emoji.
CREATE TABLE reactions (
    room_id uuid NOT NULL,
    message bigint NOT NULL,
    user_id bigint NOT NULL,
    emoji text NOT NULL,
    added_version bigint NOT NULL,
    removed_version bigint,
    PRIMARY KEY (room_id, message, user_id, emoji, added_version)
);
CREATE UNIQUE INDEX reactions_current_idx ON reactions (room_id, message, user_id, emoji) WHERE removed_version IS NULL;

-- Temporal: one row for each time that a message was pinned.
CREATE TABLE pins (
    room_id uuid NOT NULL,
    message bigint NOT NULL,
    pinned_version bigint NOT NULL,
    pinned_by bigint NOT NULL,
    pinned_at timestamptz NOT NULL,
    unpinned_version bigint,
    PRIMARY KEY (room_id, message, pinned_version)
);
CREATE UNIQUE INDEX pins_current_idx ON pins (room_id, message) WHERE unpinned_version IS NULL;

ALTER TABLE edits ALTER COLUMN content SET STATISTICS 0;
ALTER TABLE retractions ALTER COLUMN why SET STATISTICS 0;
ALTER TABLE reactions ALTER COLUMN emoji SET STATISTICS 0;

-- The message that a message answers.
ALTER TABLE messages ADD COLUMN reply_to bigint;

-- How many rows these tables have for a room: they say whether there must be some.
ALTER TABLE rooms
    ADD COLUMN edit_count bigint NOT NULL DEFAULT 0,
    ADD COLUMN retraction_count bigint NOT NULL DEFAULT 0,
    ADD COLUMN reaction_count bigint NOT NULL DEFAULT 0,
    ADD COLUMN pin_count bigint NOT NULL DEFAULT 0;

-- These are the rows that version 7 of the fold makes. Programs of before fold none of these events.
UPDATE fold_versions SET version = 7 WHERE projection = 'rooms';
