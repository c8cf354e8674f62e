-- version 2
-- Words stand apart from the log so that they can be erased. What the triggers on `bodies` do (migrations/0021), for the
-- table's owner and for superusers as well: they refuse every change but the one that `erase_bodies` makes.

-- Erase the words of these events; returns how many there were. Its keys go with them (a foreign key). This is the one
-- door: what must not be erased is to be refused here and, for deletions on other ways, in `refuse_to_change_words`.
CREATE OR REPLACE FUNCTION erase_bodies(erased_stream uuid, erased_versions bigint[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    erased bigint;
BEGIN
    DELETE FROM bodies WHERE stream = erased_stream AND version = ANY(erased_versions);
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END
$$;

-- Erase the words of versions whose erasure has just been recorded: in the same call, so both are done or neither.
CREATE OR REPLACE FUNCTION erase_recorded(base bigint, streams uuid[], versions bigint[]) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM erase_bodies(gone.stream, array_agg(gone.version))
    FROM unnest(streams, versions) AS gone (stream, version) GROUP BY gone.stream;
    RETURN base;
END
$$;

-- Words are never changed, and deleted by that function alone: it must be among the callers.
CREATE OR REPLACE FUNCTION refuse_to_change_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    callers text;
BEGIN
    GET DIAGNOSTICS callers = PG_CONTEXT;
    IF TG_OP = 'DELETE' AND callers ~ '\merase_bodies\(uuid,bigint\[\]\)' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'words are only erased by erase_bodies: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
