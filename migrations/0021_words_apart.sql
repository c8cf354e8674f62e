-- What people type stands apart from the log, where it can be erased: see docs/decisions/words-apart.md. Rows that the log
-- has by now keep their words, and the read models keep those: `content` and `name` are null for words that stand apart.
CREATE TABLE bodies (
    stream uuid NOT NULL,
    version bigint NOT NULL,
    salt bytea NOT NULL,
    content text NOT NULL,
    client_id text,
    PRIMARY KEY (stream, version)
);

-- Names, in the form in which they are compared and found.
CREATE TABLE body_keys (
    stream uuid NOT NULL,
    version bigint NOT NULL,
    key text NOT NULL,
    PRIMARY KEY (stream, version),
    FOREIGN KEY (stream, version) REFERENCES bodies ON DELETE CASCADE
);
CREATE INDEX body_keys_key_idx ON body_keys (key);

-- PostgreSQL's statistics hold whole values, and keep them after the row is gone. Before the first ANALYZE: none of these.
ALTER TABLE bodies
    ALTER COLUMN salt SET STATISTICS 0,
    ALTER COLUMN content SET STATISTICS 0,
    ALTER COLUMN client_id SET STATISTICS 0;
ALTER TABLE body_keys ALTER COLUMN key SET STATISTICS 0;

-- The bodies of these functions are in eventstore/words.sql.
CREATE FUNCTION refuse_to_change_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'refused' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER words_are_not_changed BEFORE UPDATE OR DELETE ON bodies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_words();
CREATE TRIGGER words_are_not_truncated BEFORE TRUNCATE ON bodies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_words();
ALTER TABLE bodies ENABLE ALWAYS TRIGGER words_are_not_changed;
ALTER TABLE bodies ENABLE ALWAYS TRIGGER words_are_not_truncated;

ALTER TABLE messages
    ALTER COLUMN content DROP NOT NULL,
    ALTER COLUMN content SET STATISTICS 0;

-- Which event gave a room its name.
ALTER TABLE rooms
    ALTER COLUMN name DROP NOT NULL,
    ALTER COLUMN name SET STATISTICS 0,
    ALTER COLUMN name_key DROP NOT NULL,
    ALTER COLUMN name_key SET STATISTICS 0,
    ADD COLUMN name_version bigint NOT NULL DEFAULT 1;
UPDATE rooms SET name_version = former.newest
FROM (SELECT room_id, max(until_version) AS newest FROM former_names GROUP BY room_id) AS former
WHERE former.room_id = rooms.room_id;

ALTER TABLE former_names
    ALTER COLUMN name DROP NOT NULL,
    ALTER COLUMN name SET STATISTICS 0,
    ADD COLUMN name_version bigint NOT NULL DEFAULT 1;
UPDATE former_names SET name_version = before.until_version
FROM (
    SELECT room_id, until_version AS ended, lag(until_version) OVER (PARTITION BY room_id ORDER BY until_version)
        AS until_version
    FROM former_names
) AS before
WHERE before.room_id = former_names.room_id AND before.ended = former_names.until_version
    AND before.until_version IS NOT NULL;

-- Snapshots of rooms hold names; rooms are loaded without them from now on.
TRUNCATE snapshots;

-- These are the rows that version 4 of the fold makes. Programs of before fold and append no more: they would write words
-- into the log, and cannot read an event that has none.
UPDATE fold_versions SET version = 4 WHERE projection = 'rooms';
