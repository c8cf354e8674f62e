-- Demo accounts, deactivation, what users see of their sessions, password resets, invitations.

ALTER TABLE users
    ADD COLUMN is_demo boolean NOT NULL DEFAULT false,  -- its password is public
    ADD COLUMN deactivated_at timestamptz;              -- NULL: active

-- `device` is a family ("Firefox on Linux"), `network` a prefix of the address: enough to recognise a session of one's own.
ALTER TABLE sessions
    ADD COLUMN session_id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN device text NOT NULL DEFAULT '',
    ADD COLUMN network text NOT NULL DEFAULT '';

-- Links that operators hand out. Only the SHA-256 of a link's token is stored.
CREATE TABLE password_resets (
    token_hash bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL
);
CREATE TABLE invitations (
    token_hash bytea PRIMARY KEY,
    uses_left integer NOT NULL CHECK (uses_left >= 0),
    expires_at timestamptz NOT NULL
);

-- The rule by which the keys of names in this database were made: see domain/names.py.
CREATE TABLE name_rule (version integer NOT NULL);
CREATE UNIQUE INDEX name_rule_one_idx ON name_rule ((true));
INSERT INTO name_rule (version) VALUES (1);
