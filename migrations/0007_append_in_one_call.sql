-- Appending, as functions: the lock and the look at the log in one round trip, the record and the fold in another. Under
-- the append lock, a round trip costs every process.

-- Take the append lock, and say what the log holds now: its newest position, how far the projection has folded it, the
-- newest version of each stream (0: none), and whether any of the idempotency keys was used before.
CREATE FUNCTION lock_and_look(
    folded_by text, streams uuid[], owners bigint[], keys text[],
    OUT head bigint, OUT checkpoint bigint, OUT versions bigint[], OUT has_known_keys boolean
) LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE stored_events IN EXCLUSIVE MODE;
    head := coalesce((SELECT max(notification_id) FROM stored_events), 0);
    checkpoint := coalesce((SELECT position FROM checkpoints WHERE projection = folded_by), 0);
    versions := ARRAY(
        SELECT coalesce((
            SELECT originator_version FROM stored_events
            WHERE originator_id = asked.stream ORDER BY originator_version DESC LIMIT 1), 0)
        FROM unnest(streams) WITH ORDINALITY AS asked (stream, place) ORDER BY place);
    has_known_keys := cardinality(keys) > 0 AND EXISTS (
        SELECT FROM unnest(owners, keys) AS asked (owner, key) JOIN idempotency_keys USING (owner, key));
END
$$;

-- Record a batch of events, with the idempotency keys that they stand for; called under the append lock. Returns a base:
-- the position of the n-th event is base + n.
CREATE FUNCTION record_events(
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
        RAISE EXCEPTION 'somebody else drew positions under the append lock';
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

-- The folds of the read models. Each takes events by their place, counted from a base, and returns that base, so that one
-- call can be put inside another. They find their tables on the search path: a rebuild folds into its own. What cannot
-- have happened, written by whoever shares the log, is an error and not passed over.

CREATE FUNCTION fold_openings(
    base bigint, room_ids uuid[], names text[], name_keys text[], times timestamptz[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    INSERT INTO rooms (room_id, name, name_key, opened_at, version, position, bumped_at, member_count, message_count)
    SELECT opened.room_id, opened.name, opened.name_key, opened.opened_at, 0, 0, opened.opened_at, 0, 0
    FROM unnest(room_ids, names, name_keys, times) AS opened (room_id, name, name_key, opened_at);
    RETURN base;
END
$$;

-- Memberships that the batch ended (the first five arrays) and began, some of which it ended as well. A change is what
-- the batch had added to the number of the room's members by then: the room's row still holds the number before.
CREATE FUNCTION fold_stays(
    base bigint,
    ended_rooms uuid[], ended_users bigint[], ended_versions bigint[], ended_places bigint[], ended_changes integer[],
    room_ids uuid[], user_ids bigint[],
    joined_versions bigint[], joined_places bigint[], joined_changes integer[],
    left_versions bigint[], left_places bigint[], left_changes integer[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
DECLARE
    changed bigint;
BEGIN
    IF cardinality(ended_rooms) > 0 THEN
        UPDATE memberships SET
            left_version = ended.version,
            left_position = base + ended.place,
            members_after_leave = rooms.member_count + ended.change
        FROM unnest(ended_rooms, ended_users, ended_versions, ended_places, ended_changes)
            AS ended (room_id, user_id, version, place, change)
        JOIN rooms ON rooms.room_id = ended.room_id
        WHERE memberships.room_id = ended.room_id
            AND memberships.user_id = ended.user_id
            AND memberships.left_version IS NULL;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed <> cardinality(ended_rooms) THEN
            RAISE EXCEPTION 'somebody left who was no member' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    IF cardinality(room_ids) > 0 THEN
        INSERT INTO memberships (
            room_id, user_id, joined_version, joined_position, members_after_join,
            left_version, left_position, members_after_leave)
        SELECT
            stay.room_id, stay.user_id,
            stay.joined_version, base + stay.joined_place, rooms.member_count + stay.joined_change,
            stay.left_version, base + stay.left_place, rooms.member_count + stay.left_change
        FROM unnest(
            room_ids, user_ids, joined_versions, joined_places, joined_changes, left_versions, left_places, left_changes
        ) AS stay (
            room_id, user_id, joined_version, joined_place, joined_change, left_version, left_place, left_change)
        JOIN rooms ON rooms.room_id = stay.room_id;
    END IF;
    RETURN base;
END
$$;

-- What was said, and what the batch did to each room as differences.
CREATE FUNCTION fold_changes(
    base bigint,
    changed_rooms uuid[], changed_versions bigint[], changed_places bigint[], bumped timestamptz[],
    message_versions bigint[], member_changes integer[], message_changes integer[],
    room_ids uuid[], versions bigint[], user_ids bigint[], contents text[], times timestamptz[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
DECLARE
    changed bigint;
BEGIN
    UPDATE rooms SET
        version = change.version,
        position = base + change.place,
        bumped_at = coalesce(change.bumped_at, rooms.bumped_at),
        last_message_version = coalesce(change.last_message_version, rooms.last_message_version),
        member_count = rooms.member_count + change.members,
        message_count = rooms.message_count + change.messages
    FROM unnest(
        changed_rooms, changed_versions, changed_places, bumped, message_versions, member_changes, message_changes
    ) AS change (room_id, version, place, bumped_at, last_message_version, members, messages)
    WHERE rooms.room_id = change.room_id;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> cardinality(changed_rooms) THEN
        RAISE EXCEPTION 'something happened in a room that nobody opened'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF cardinality(room_ids) > 0 THEN
        INSERT INTO messages (room_id, version, user_id, content, posted_at)
        SELECT * FROM unnest(room_ids, versions, user_ids, contents, times);
    END IF;
    RETURN base;
END
$$;
