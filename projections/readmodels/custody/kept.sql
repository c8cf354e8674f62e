-- version 1
-- What may not be erased. A hold beats a duty to keep, a duty beats erasure. Holds are resolved from the log, which nobody
-- changes, and not from the read model of holds, which the role of the service may write.

-- Who acted in an event, and when: whose words they are. Null where the log does not say.
CREATE OR REPLACE FUNCTION author_and_time(
    of_stream uuid, of_version bigint, OUT author bigint, OUT occurred_at timestamptz
) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    said json := event_state(of_stream, of_version);
BEGIN
    author := coalesce(said->>'user_id', said->>'opened_by', said->>'erased_by')::bigint;
    occurred_at := (said->'timestamp'->>'_data_')::timestamptz;
END
$$;

-- The holds in force.
CREATE OR REPLACE FUNCTION holds_in_force()
RETURNS TABLE (hold bigint, person_id bigint, room_id uuid, since timestamptz, until timestamptz, conversations boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH recorded AS MATERIALIZED (
        SELECT * FROM events_of_topics(
            '6f6e7265-636f-7264-0000-637573746f64', ARRAY['hold_placed', 'hold_ended'])
    )
    SELECT
        placed.event_version, (placed.said->>'person_id')::bigint, (placed.said->'room_id'->>'_data_')::uuid,
        (placed.said->'since'->>'_data_')::timestamptz, (placed.said->'until'->>'_data_')::timestamptz,
        (placed.said->>'conversations')::boolean
    FROM recorded AS placed
    WHERE event_topic = 'hold_placed' AND NOT EXISTS (
        SELECT FROM recorded AS ended
        WHERE ended.event_topic = 'hold_ended' AND (ended.said->>'hold')::bigint = placed.event_version);
END
$$;

-- Which of these versions of a stream are covered by a hold, one row for each hold. In doubt whose words they are, or from
-- when, they are covered.
CREATE OR REPLACE FUNCTION held(asked_stream uuid, asked_versions bigint[])
RETURNS TABLE (held_version bigint, held_by bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM holds_in_force()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT asked.version, hold.hold
    FROM (
        SELECT each.version, said.author, said.occurred_at
        FROM unnest(asked_versions) AS each (version) CROSS JOIN LATERAL author_and_time(asked_stream, each.version) AS said
        OFFSET 0
    ) AS asked
    JOIN holds_in_force() AS hold ON
        coalesce(hold.room_id = asked_stream, true)
        AND coalesce(asked.occurred_at >= hold.since, true)
        AND coalesce(asked.occurred_at < hold.until, true)
        AND (coalesce(hold.person_id = asked.author, true) OR hold.conversations AND EXISTS (
            SELECT FROM memberships AS stay
            WHERE stay.room_id = asked_stream AND stay.user_id = hold.person_id
                AND (stay.left_version IS NULL OR stay.left_version > asked.version)));
END
$$;

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
        SELECT asked.version, duty.rule, said.occurred_at + make_interval(hours => 24 * duty.keep_days) AS until
        FROM duty CROSS JOIN unnest(asked_versions) AS asked (version)
        CROSS JOIN LATERAL author_and_time(asked_stream, asked.version) AS said
        WHERE duty.keep_days > 0
    )
    SELECT version, covered.by,
        CASE WHEN covered.by IS NULL THEN due.rule END, CASE WHEN covered.by IS NULL THEN due.until END
    FROM covered FULL JOIN (SELECT * FROM due WHERE coalesce(due.until > now(), true)) AS due USING (version);
END
$$;

-- The guard of the words themselves, whoever deletes them and on whatever way: what a hold covers stays. It waits for the
-- append lock, so that a hold is placed either before or after; an older snapshot would not show it.
CREATE OR REPLACE FUNCTION refuse_to_erase_held_words() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    covered record;
BEGIN
    IF NOT EXISTS (SELECT FROM erased) THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'words are erased in transactions that are READ COMMITTED'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM take_append_lock();
    SELECT each.stream, min(held_version) AS version, held_by AS hold INTO covered
    FROM (SELECT stream, array_agg(version) AS versions FROM erased GROUP BY stream) AS each
    CROSS JOIN LATERAL held(each.stream, each.versions)
    GROUP BY each.stream, held_by ORDER BY held_by LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'hold % covers version % of stream %: nothing is erased',
            covered.hold, covered.version, covered.stream USING ERRCODE = 'OR002';
    END IF;
    RETURN NULL;
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
