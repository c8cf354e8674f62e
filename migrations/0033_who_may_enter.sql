-- Who may enter a room, and what its members may read. Rooms of before are public, and everyone has read all of them.
ALTER TABLE rooms
    ADD COLUMN visibility text NOT NULL DEFAULT 'public',
    -- From which version a joiner may read; null: from their own joining.
    ADD COLUMN open_from bigint DEFAULT 1,
    -- Of a direct conversation, the ids of its people, ascending.
    ADD COLUMN people bigint[],
    -- How many rows of each table below are of this room.
    ADD COLUMN access_count integer NOT NULL DEFAULT 0,
    ADD COLUMN invitation_count integer NOT NULL DEFAULT 0,
    ADD COLUMN link_count integer NOT NULL DEFAULT 0;
CREATE INDEX rooms_people_idx ON rooms (people) WHERE people IS NOT NULL;

-- `reads_from`: the version from which a member may read, as far as they did not before. `link`: the version that made
-- the link by which they came.
ALTER TABLE memberships
    ADD COLUMN reads_from bigint NOT NULL DEFAULT 1,
    ADD COLUMN link bigint;
CREATE INDEX memberships_link_idx ON memberships (room_id, link) WHERE link IS NOT NULL;

-- What held until a version changed it.
CREATE TABLE former_access (
    room_id uuid NOT NULL,
    until_version bigint NOT NULL,
    visibility text NOT NULL,
    open_from bigint,
    PRIMARY KEY (room_id, until_version)
);

-- Who was invited, and the version that ended it: the joining, or that the invitation was declined or withdrawn.
CREATE TABLE room_invitations (
    room_id uuid NOT NULL,
    invited_version bigint NOT NULL,
    user_id bigint NOT NULL,
    invited_by bigint NOT NULL,
    invited_at timestamptz NOT NULL,
    ended_version bigint,
    PRIMARY KEY (room_id, invited_version)
);
CREATE INDEX room_invitations_open_idx ON room_invitations (user_id, room_id) WHERE ended_version IS NULL;

-- Links by which people join, by the SHA-256 of their random tokens.
CREATE TABLE invitation_links (
    room_id uuid NOT NULL,
    made_version bigint NOT NULL,
    token_hash text NOT NULL,
    made_by bigint NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    max_uses integer NOT NULL,
    revoked_version bigint,
    PRIMARY KEY (room_id, made_version)
);
CREATE INDEX invitation_links_token_idx ON invitation_links (token_hash);

-- A program of before would take every room for a public one.
UPDATE fold_versions SET version = 7 WHERE projection = 'rooms';

-- Rooms remember who may enter from now on.
TRUNCATE snapshots;
