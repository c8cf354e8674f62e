-- The record of custody: what must be kept, for how long, and what is to be erased. See docs/erasure.md.
CREATE TABLE holds (
    hold bigint PRIMARY KEY,
    person_id bigint,
    room_id uuid,
    since timestamptz,
    until timestamptz,
    conversations boolean NOT NULL,
    placed_by bigint NOT NULL,
    placed_at timestamptz NOT NULL,
    ended_version bigint,
    ended_by bigint,
    ended_at timestamptz
);

CREATE TABLE retention_rules (
    rule bigint PRIMARY KEY,
    room_id uuid,
    keep_days integer,
    erase_days integer,
    set_by bigint NOT NULL,
    set_at timestamptz NOT NULL,
    ended_version bigint,
    ended_by bigint,
    ended_at timestamptz
);

CREATE TABLE erasure_requests (
    request uuid PRIMARY KEY,
    requested_version bigint NOT NULL,
    person_id bigint,
    room_id uuid,
    versions bigint[],
    before timestamptz,
    requested_by bigint NOT NULL,
    requested_at timestamptz NOT NULL,
    erased bigint NOT NULL DEFAULT 0,
    held bigint,
    holds bigint[],
    rules bigint[],
    until timestamptz,
    carried_out_version bigint,
    carried_out_at timestamptz
);
CREATE INDEX erasure_requests_waiting_idx ON erasure_requests (requested_version) WHERE held IS DISTINCT FROM 0;

-- The body of this function is in eventstore/held.sql.
CREATE FUNCTION refuse_to_erase_held_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'refused' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER held_words_are_not_erased AFTER DELETE ON bodies REFERENCING OLD TABLE AS erased
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_erase_held_words();
ALTER TABLE bodies ENABLE ALWAYS TRIGGER held_words_are_not_erased;

-- Programs of before fold no event of the record, and would move the checkpoint past it.
UPDATE fold_versions SET version = 6 WHERE projection = 'rooms';
