-- version 1
-- What the triggers of migrations/0043 do: files go with the words of the messages that name them.

-- Words were erased: so are the uploads that their messages name, unless another message with words names them as well. The
-- read model says which those are. A hold refuses the erasure of the words, and so keeps the files.
CREATE OR REPLACE FUNCTION drop_uploads_of_erased_words() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM uploads WHERE upload_id IN (
        SELECT named.upload_id FROM erased
        JOIN attachments AS named ON named.room_id = erased.stream AND named.version = erased.version
        WHERE NOT EXISTS (
            SELECT FROM attachments AS other
            JOIN bodies ON bodies.stream = other.room_id AND bodies.version = other.version
            WHERE other.upload_id = named.upload_id));
    RETURN NULL;
END
$$;

-- An upload was deleted: its file is to go.
CREATE OR REPLACE FUNCTION list_unneeded_files() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO unneeded_files (upload_id, remove_at) SELECT upload_id, now() FROM gone
    ON CONFLICT (upload_id) DO UPDATE SET remove_at = excluded.remove_at;
    RETURN NULL;
END
$$;
