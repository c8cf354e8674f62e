-- Which log this is, and how often it went back: see eventstore/generation.py. One row.
CREATE TABLE log_generation (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    generation bigint NOT NULL DEFAULT 1,
    began_at timestamptz NOT NULL DEFAULT now(),
    went_back_from bigint,                 -- the newest position that the process which noticed had seen,
    went_back_to bigint                    -- and the head that it found; NULL in the first generation
);
INSERT INTO log_generation DEFAULT VALUES;

-- Versions are contiguous, whoever appends. The function's body is in eventstore/append_only.sql.
CREATE FUNCTION refuse_gaps_in_versions() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER log_has_no_gaps AFTER INSERT ON stored_events REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_gaps_in_versions();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER log_has_no_gaps;

-- A lane's checkpoint counts only in the log that it was saved in.
ALTER TABLE fanout_lanes
    ADD COLUMN generation bigint NOT NULL DEFAULT 1,  -- of the log, when the lane last told its users of a new one
    ADD COLUMN anchor_position bigint,                -- a position that the lane had reached,
    ADD COLUMN anchor_hash bytea;                     -- and the hash of the newest event up to there

-- A snapshot counts only with proof that the service made it from the events that are in the log. Those without are
-- made again.
ALTER TABLE snapshots ADD COLUMN mac bytea;
DELETE FROM snapshots;
