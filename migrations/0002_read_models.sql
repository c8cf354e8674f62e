-- What pages and answers show, folded from the log inside the transaction that appends to it.

CREATE TABLE rooms (
    room_id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL,                -- the name as compared: see domain.room.name_key
    opened_at timestamptz NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,              -- of the room's newest event
    bumped_at timestamptz NOT NULL,        -- when the newest message was said, or the room opened
    last_message_version bigint,
    member_count integer NOT NULL,
    message_count bigint NOT NULL
) WITH (fillfactor = 70);                  -- this row changes with every event; room on its page keeps that cheap
-- Not unique: uniqueness is decided before an event is recorded, under the append lock. What the log says has happened,
-- and folding it must never fail, not even for a room that another application opened under a name already taken.
CREATE INDEX rooms_name_key_idx ON rooms (name_key);

-- Temporal: one row for each stay of a user in a room. A member at version v: joined_version <= v < left_version.
CREATE TABLE memberships (
    room_id uuid NOT NULL,
    user_id bigint NOT NULL,
    joined_version bigint NOT NULL,
    joined_position bigint NOT NULL,
    members_after_join integer NOT NULL,
    left_version bigint,
    left_position bigint,
    members_after_leave integer,
    PRIMARY KEY (room_id, user_id, joined_version)
);
CREATE UNIQUE INDEX memberships_current_idx ON memberships (user_id, room_id) WHERE left_version IS NULL;
CREATE INDEX memberships_user_idx ON memberships (user_id);
CREATE UNIQUE INDEX memberships_joined_idx ON memberships (room_id, joined_version);
CREATE UNIQUE INDEX memberships_left_idx ON memberships (room_id, left_version) WHERE left_version IS NOT NULL;

CREATE TABLE messages (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    user_id bigint NOT NULL,
    content text NOT NULL,
    posted_at timestamptz NOT NULL,
    PRIMARY KEY (room_id, version)
);
