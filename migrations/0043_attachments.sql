-- Files that members uploaded, with their names: typed text, which stands apart from the log. A row goes with the words of
-- the last message that names it. `used_at`: when it was uploaded, or last named in a message that is being posted.
CREATE TABLE uploads (
    upload_id uuid PRIMARY KEY,
    room_id uuid NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    width integer,
    height integer,
    uploaded_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE uploads
    ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN sha256 SET STATISTICS 0, ALTER COLUMN media_type SET STATISTICS 0;
CREATE INDEX uploads_user_idx ON uploads (user_id, uploaded_at);
CREATE INDEX uploads_used_idx ON uploads (used_at);

-- Files to remove from this time on. One is listed before it is written and when its upload is deleted, so that none is
-- left behind.
CREATE TABLE unneeded_files (
    upload_id uuid PRIMARY KEY,
    remove_at timestamptz NOT NULL
);

-- What messages name of the files, in their order: a read model, as the log has it.
CREATE TABLE attachments (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    place integer NOT NULL,
    upload_id uuid NOT NULL,
    sha256 text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    width integer,
    height integer,
    PRIMARY KEY (room_id, version, place)
);
ALTER TABLE attachments ALTER COLUMN sha256 SET STATISTICS 0, ALTER COLUMN media_type SET STATISTICS 0;
CREATE INDEX attachments_upload_idx ON attachments (upload_id);
ALTER TABLE rooms ADD COLUMN attachment_count bigint NOT NULL DEFAULT 0;

-- The bodies of these functions are in api/attachments/attachments.sql.
CREATE FUNCTION drop_uploads_of_erased_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RETURN NULL;
END $$;
CREATE TRIGGER files_go_with_words AFTER DELETE ON bodies REFERENCING OLD TABLE AS erased
    FOR EACH STATEMENT EXECUTE FUNCTION drop_uploads_of_erased_words();
ALTER TABLE bodies ENABLE ALWAYS TRIGGER files_go_with_words;
CREATE FUNCTION list_unneeded_files() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RETURN NULL;
END $$;
CREATE TRIGGER files_go_with_uploads AFTER DELETE ON uploads REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION list_unneeded_files();
ALTER TABLE uploads ENABLE ALWAYS TRIGGER files_go_with_uploads;
