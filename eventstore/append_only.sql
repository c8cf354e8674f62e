-- version 2
-- What the triggers on the log do (migrations/0001_log.sql, 0020_log_generation.sql): refuse, to the table's owner and to
-- superusers as well.

CREATE OR REPLACE FUNCTION refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- The versions that a statement adds to a stream follow each other, and the newest before them.
CREATE OR REPLACE FUNCTION refuse_gaps_in_versions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    torn record;
BEGIN
    SELECT streams.* INTO torn FROM (
        SELECT originator_id, min(originator_version) AS first, max(originator_version) AS last, count(*) AS events
        FROM added GROUP BY originator_id
    ) AS streams
    WHERE last - first + 1 <> events OR first < 1 OR first > 1 AND NOT EXISTS (
        SELECT FROM stored_events AS before
        WHERE before.originator_id = streams.originator_id AND before.originator_version = streams.first - 1)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'versions have no gaps: % to % of stream % are refused', torn.first, torn.last, torn.originator_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
