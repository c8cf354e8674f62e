-- version 5
-- What the triggers on the log do (migrations/0001_log.sql, 0011_append_lock.sql, 0012_log_generation.sql), for the table's
-- owner and for superusers as well: refuse changes, let one transaction append at a time, refuse gaps in versions.

CREATE OR REPLACE FUNCTION refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- The versions that a statement adds to a stream follow each other, and the newest before them: the one version before the
-- first is there. To ask for the newest instead reads all rows of the stream on a page of the index.
CREATE OR REPLACE FUNCTION refuse_gaps_in_versions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    torn record;
BEGIN
    SELECT streams.* INTO torn FROM (
        SELECT originator_id, min(originator_version) AS first, max(originator_version) AS last, count(*) AS events
        FROM added GROUP BY originator_id
    ) AS streams
    WHERE last - first + 1 <> events OR first < 1 OR first > 1 AND (
        SELECT originator_version FROM stored_events AS before
        WHERE before.originator_id = streams.originator_id AND before.originator_version = streams.first - 1) IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'versions have no gaps: % to % of stream % are refused', torn.first, torn.last, torn.originator_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

-- The append lock: until the transaction ends, nothing else appends. Readers do not wait for it, nor does VACUUM.
--
-- The lock itself is an advisory one. It is taken after ROW EXCLUSIVE on the table, the mode that an INSERT takes anyway,
-- in this order by everyone: a writer of the `eventsourcing` library holds EXCLUSIVE on the table, which ours waits for
-- with nothing in its hands, and gets the advisory lock when it inserts. So no two writers wait for each other.
CREATE OR REPLACE FUNCTION take_append_lock() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE;
    PERFORM pg_advisory_xact_lock(x'6f6e7261'::integer, 0);
END
$$;

-- For writers that do not take the lock by themselves: their INSERT does.
CREATE OR REPLACE FUNCTION take_append_lock_for_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM take_append_lock();
    RETURN NULL;
END
$$;
