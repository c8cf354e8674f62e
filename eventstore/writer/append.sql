-- version 5
-- Appending, as functions: the lock and the look at the log in one round trip, the record and the fold in another. Under
-- the append lock, a round trip costs every process.

-- Take the append lock, and say what the log holds now: its newest position, how far the projection has folded it, the
-- newest version of each stream (0: none), and whether any of the idempotency keys was used before. `known` has the version
-- of each stream that the caller knows: from there on there is little to read, and often only that version. Each key is
-- looked up by itself: a join would be planned while there are few keys, and go on reading all of them.
CREATE OR REPLACE FUNCTION lock_and_look_v2(
    folded_by text, streams uuid[], known bigint[], owners bigint[], keys text[],
    OUT head bigint, OUT checkpoint bigint, OUT versions bigint[], OUT has_known_keys boolean
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM take_append_lock();
    head := coalesce((SELECT max(notification_id) FROM stored_events), 0);
    checkpoint := coalesce((SELECT position FROM checkpoints WHERE projection = folded_by), 0);
    versions := ARRAY(
        SELECT coalesce((
            SELECT originator_version FROM stored_events
            WHERE originator_id = asked.stream AND originator_version >= asked.version
            ORDER BY originator_version DESC LIMIT 1
        ), (
            SELECT originator_version FROM stored_events
            WHERE originator_id = asked.stream ORDER BY originator_version DESC LIMIT 1
        ), 0)
        FROM unnest(streams, known) WITH ORDINALITY AS asked (stream, version, place) ORDER BY place);
    has_known_keys := cardinality(keys) > 0 AND EXISTS (
        SELECT FROM unnest(owners, keys) AS asked (owner, key)
        WHERE (
            SELECT true FROM idempotency_keys AS used WHERE used.owner = asked.owner AND used.key = asked.key LIMIT 1));
END
$$;

-- The same for a caller that does not say what it knows; programs of before call it.
CREATE OR REPLACE FUNCTION lock_and_look(
    folded_by text, streams uuid[], owners bigint[], keys text[],
    OUT head bigint, OUT checkpoint bigint, OUT versions bigint[], OUT has_known_keys boolean
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT * INTO head, checkpoint, versions, has_known_keys
    FROM lock_and_look_v2(folded_by, streams, array_fill(0::bigint, ARRAY[cardinality(streams)]), owners, keys);
END
$$;

-- Record a batch of events, with what opens the sealed ones and the idempotency keys that they stand for; called under
-- the append lock. `salts`, `contents`, `client_ids` and `compared` have a place for each event. Returns a base: the
-- position of the n-th event is base + n.
CREATE OR REPLACE FUNCTION record_events_v2(
    folded_by text,
    streams uuid[], versions bigint[], topics text[], states bytea[],
    salts bytea[], contents text[], client_ids text[], compared text[],
    key_owners bigint[], keys text[], fingerprints bytea[], key_streams uuid[], key_versions bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bodies (stream, version, salt, content, client_id)
    SELECT said.* FROM unnest(streams, versions, salts, contents, client_ids)
        AS said (stream, version, salt, content, client_id)
    WHERE said.salt IS NOT NULL;
    IF array_remove(compared, NULL) <> '{}' THEN
        INSERT INTO body_keys (stream, version, key)
        SELECT named.* FROM unnest(streams, versions, compared) AS named (stream, version, key)
        WHERE named.key IS NOT NULL;
    END IF;
    RETURN record_events(
        folded_by, streams, versions, topics, states, key_owners, keys, fingerprints, key_streams, key_versions);
END
$$;

-- Record a batch of events that hold what they say; programs of before sealed events call it. Returns as above.
CREATE OR REPLACE FUNCTION record_events(
    folded_by text,
    streams uuid[], versions bigint[], topics text[], states bytea[],
    key_owners bigint[], keys text[], fingerprints bytea[], key_streams uuid[], key_versions bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    base bigint;
    newest bigint;
BEGIN
    WITH recorded AS (
        INSERT INTO stored_events (originator_id, originator_version, topic, state)
        SELECT event.stream, event.version, event.topic, event.state
        FROM unnest(streams, versions, topics, states) WITH ORDINALITY AS event (stream, version, topic, state, place)
        ORDER BY event.place
        RETURNING notification_id
    )
    SELECT min(notification_id) - 1, max(notification_id) INTO STRICT base, newest FROM recorded;
    IF newest - base <> cardinality(streams) THEN
        RAISE EXCEPTION 'another transaction drew positions under the append lock';
    END IF;
    IF cardinality(keys) > 0 THEN
        INSERT INTO idempotency_keys (owner, key, fingerprint, originator_id, originator_version)
        SELECT * FROM unnest(key_owners, keys, fingerprints, key_streams, key_versions);
    END IF;
    INSERT INTO checkpoints (projection, position) VALUES (folded_by, newest)
    ON CONFLICT (projection) DO UPDATE SET position = excluded.position;
    NOTIFY stored_events;
    RETURN base;
END
$$;
