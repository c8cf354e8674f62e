-- Which words were erased, when, and by which event. The first erasure of a version counts. `why` is null where the reason
-- stands apart from the log, as it does unless another application recorded it.
CREATE TABLE erasures (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    erased_version bigint NOT NULL,
    erased_at timestamptz NOT NULL,
    why text,
    PRIMARY KEY (room_id, version)
);
ALTER TABLE erasures ALTER COLUMN why SET STATISTICS 0;

-- How many words of a room were erased: says whether `erasures` has rows to hold.
ALTER TABLE rooms ADD COLUMN erased_count bigint NOT NULL DEFAULT 0;

-- These are the rows that version 5 of the fold makes; a program of before knows no erasures.
UPDATE fold_versions SET version = 5 WHERE projection = 'rooms';

-- Rooms know which version named them from now on.
TRUNCATE snapshots;
