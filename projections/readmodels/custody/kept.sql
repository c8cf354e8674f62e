-- version 2
-- What may not be erased: a hold beats a duty to keep, a duty beats erasure. And what is old enough to be.

-- Which of these versions of a stream may not be erased, one row for each. `holds` is set where holds cover it; otherwise
-- `rule` says whose duty to keep forbids it, and `until` how long.
CREATE OR REPLACE FUNCTION kept(asked_stream uuid, asked_versions bigint[])
RETURNS TABLE (kept_version bigint, holds bigint[], rule bigint, until timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH covered AS (
        SELECT held_version AS version, array_agg(held_by ORDER BY held_by) AS by
        FROM held(asked_stream, asked_versions) GROUP BY held_version
    ), duty AS (
        SELECT in_force.rule, in_force.keep_days FROM retention_rules AS in_force
        WHERE in_force.ended_version IS NULL AND in_force.keep_days IS NOT NULL
            AND (in_force.room_id IS NULL OR in_force.room_id = asked_stream)
        ORDER BY in_force.room_id IS NULL LIMIT 1  -- the room's own before the one for all rooms
    ), due AS (
        SELECT
            each.asked AS version, duty.rule,
            max(said.occurred_at) + make_interval(hours => 24 * duty.keep_days) AS until  -- of the newest edit
        FROM duty CROSS JOIN with_edits(asked_stream, asked_versions) AS each
        CROSS JOIN LATERAL author_and_time(asked_stream, each.edit) AS said
        WHERE duty.keep_days > 0 GROUP BY each.asked, duty.rule, duty.keep_days
    )
    SELECT version, covered.by,
        CASE WHEN covered.by IS NULL THEN due.rule END, CASE WHEN covered.by IS NULL THEN due.until END
    FROM covered FULL JOIN (SELECT * FROM due WHERE coalesce(due.until > now(), true)) AS due USING (version);
END
$$;

-- The first messages of a room beyond a version that are not erased and were posted before a moment; at most so many. They
-- are in the order of their posting, but for the clocks of processes: it stops at the first that is younger.
CREATE OR REPLACE FUNCTION old_messages(of_room uuid, posted_before timestamptz, beyond bigint, at_most integer)
RETURNS bigint[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    found bigint[] := '{}';
    said record;
BEGIN
    FOR said IN
        SELECT messages.version, messages.posted_at
        FROM bodies JOIN messages ON messages.room_id = bodies.stream AND messages.version = bodies.version
        WHERE bodies.stream = of_room AND bodies.version > beyond ORDER BY bodies.version
    LOOP
        EXIT WHEN said.posted_at >= posted_before OR cardinality(found) = at_most;
        found := found || said.version;
    END LOOP;
    RETURN found;
END
$$;
