-- version 2
-- What holds keep from being erased. It is resolved from the log, which nobody changes, and not from the read model of holds,
-- which the role of the service may write.

-- What an event says; null where there is no such event, or its state is not JSON, as an application's own may be.
CREATE OR REPLACE FUNCTION event_state(of_stream uuid, of_version bigint) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN (
        SELECT convert_from(state, 'utf8')::json FROM stored_events
        WHERE originator_id = of_stream AND originator_version = of_version);
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- The events of a stream that have one of these topics. Those of the record of custody are JSON: only we write them.
CREATE OR REPLACE FUNCTION events_of_topics(of_stream uuid, topics text[])
RETURNS TABLE (event_version bigint, event_topic text, said json)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT originator_version::bigint, topic, event_state(originator_id, originator_version)
    FROM stored_events WHERE originator_id = of_stream AND topic = ANY(topics);
END
$$;

-- Who acted in an event, and when: whose words they are. Null where the log does not say.
CREATE OR REPLACE FUNCTION author_and_time(
    of_stream uuid, of_version bigint, OUT author bigint, OUT occurred_at timestamptz
) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    said json := event_state(of_stream, of_version);
BEGIN
    author := coalesce(said->>'removed_by', said->>'user_id', said->>'opened_by', said->>'erased_by')::bigint;
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

-- These versions of a stream, each with all versions of the same message: of a message that was edited, a hold on one keeps
-- all. Which versions those are, the read model of edits says; without it, a hold still keeps what it covers by itself.
CREATE OR REPLACE FUNCTION with_edits(of_stream uuid, of_versions bigint[]) RETURNS TABLE (asked bigint, edit bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH each AS (
        SELECT one.version, coalesce(
            (SELECT edits.message FROM edits WHERE edits.room_id = of_stream AND edits.version = one.version),
            one.version) AS message
        FROM unnest(of_versions) AS one (version)
    )
    SELECT each.version, each.version FROM each
    UNION SELECT each.version, each.message FROM each
    UNION SELECT each.version, edits.version FROM each
        JOIN edits ON edits.room_id = of_stream AND edits.message = each.message;
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
    SELECT DISTINCT asked.asked, hold.hold
    FROM (
        SELECT each.asked, each.edit AS version, said.author, said.occurred_at
        FROM with_edits(asked_stream, asked_versions) AS each
        CROSS JOIN LATERAL author_and_time(asked_stream, each.edit) AS said
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

-- Erase the words of versions that an application or a file says were erased, but for those that a hold covers by now.
CREATE OR REPLACE FUNCTION erase_unheld(streams uuid[], versions bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM erase_bodies(gone.stream, ARRAY(
        SELECT unnest(gone.versions) EXCEPT SELECT held_version FROM held(gone.stream, gone.versions)))
    FROM (
        SELECT said.stream, array_agg(said.version) AS versions
        FROM unnest(streams, versions) AS said (stream, version) GROUP BY said.stream
    ) AS gone;
END
$$;
