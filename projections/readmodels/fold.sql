-- version 8
-- The folds of the read models. Each takes events by their place, counted from a base, and returns that base, so that one
-- call can be put inside another. They find their tables on the search path: a rebuild folds into its own. An event that
-- cannot have happened, written by another application on the log, is an error and not passed over. Names and contents are
-- null where they stand apart from the log.

CREATE OR REPLACE FUNCTION fold_openings(
    base bigint, room_ids uuid[], names text[], name_keys text[], times timestamptz[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    INSERT INTO rooms (
        room_id, name, name_key, name_version, opened_at, version, position, bumped_at, member_count, message_count)
    SELECT opened.room_id, opened.name, opened.name_key, 1, opened.opened_at, 0, 0, opened.opened_at, 0, 0
    FROM unnest(room_ids, names, name_keys, times) AS opened (room_id, name, name_key, opened_at);
    RETURN base;
END
$$;

-- Rooms as they are opened, also private and direct ones. `peoples` are arrays, as text.
CREATE OR REPLACE FUNCTION fold_openings_v2(
    base bigint, room_ids uuid[], names text[], name_keys text[], times timestamptz[],
    visibilities text[], open_froms bigint[], peoples text[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    INSERT INTO rooms (
        room_id, name, name_key, name_version, opened_at, version, position, bumped_at, member_count, message_count,
        visibility, open_from, people)
    SELECT
        opened.room_id, opened.name, opened.name_key, 1, opened.opened_at, 0, 0, opened.opened_at, 0, 0,
        opened.visibility, opened.open_from, opened.people::bigint[]
    FROM unnest(room_ids, names, name_keys, times, visibilities, open_froms, peoples)
        AS opened (room_id, name, name_key, opened_at, visibility, open_from, people);
    RETURN base;
END
$$;

-- Memberships that the batch ended (the first five arrays) and began, some of which it ended as well. A change is what
-- the batch had added to the number of the room's members by then, `saids` the same for messages: the room's row still
-- holds the number before.
CREATE OR REPLACE FUNCTION fold_stays_v3(
    base bigint,
    ended_rooms uuid[], ended_users bigint[], ended_versions bigint[], ended_places bigint[], ended_changes integer[],
    room_ids uuid[], user_ids bigint[],
    joined_versions bigint[], joined_places bigint[], joined_changes integer[],
    left_versions bigint[], left_places bigint[], left_changes integer[],
    reads_froms bigint[], links bigint[], saids bigint[]
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
            RAISE EXCEPTION 'a user left who was not a member' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    IF cardinality(room_ids) > 0 THEN
        INSERT INTO memberships (
            room_id, user_id, joined_version, joined_position, members_after_join,
            left_version, left_position, members_after_leave, reads_from, link, messages_before)
        SELECT
            stay.room_id, stay.user_id,
            stay.joined_version, base + stay.joined_place, rooms.member_count + stay.joined_change,
            stay.left_version, base + stay.left_place, rooms.member_count + stay.left_change,
            stay.reads_from, stay.link, rooms.message_count + stay.said
        FROM unnest(
            room_ids, user_ids, joined_versions, joined_places, joined_changes, left_versions, left_places, left_changes,
            reads_froms, links, saids
        ) AS stay (
            room_id, user_id, joined_version, joined_place, joined_change, left_version, left_place, left_change,
            reads_from, link, said)
        JOIN rooms ON rooms.room_id = stay.room_id;
    END IF;
    RETURN base;
END
$$;

-- Programs of before messages were counted call it, and are refused where a later fold made the rows.
CREATE OR REPLACE FUNCTION fold_stays_v2(
    base bigint,
    ended_rooms uuid[], ended_users bigint[], ended_versions bigint[], ended_places bigint[], ended_changes integer[],
    room_ids uuid[], user_ids bigint[],
    joined_versions bigint[], joined_places bigint[], joined_changes integer[],
    left_versions bigint[], left_places bigint[], left_changes integer[],
    reads_froms bigint[], links bigint[]
) RETURNS bigint LANGUAGE sql STRICT AS $$
    SELECT fold_stays_v3(
        base, ended_rooms, ended_users, ended_versions, ended_places, ended_changes,
        room_ids, user_ids, joined_versions, joined_places, joined_changes, left_versions, left_places, left_changes,
        reads_froms, links, array_fill(0::bigint, ARRAY[cardinality(room_ids)]))
$$;

-- Programs of before rooms were private call it, and are refused where a later fold made the rows.
CREATE OR REPLACE FUNCTION fold_stays(
    base bigint,
    ended_rooms uuid[], ended_users bigint[], ended_versions bigint[], ended_places bigint[], ended_changes integer[],
    room_ids uuid[], user_ids bigint[],
    joined_versions bigint[], joined_places bigint[], joined_changes integer[],
    left_versions bigint[], left_places bigint[], left_changes integer[]
) RETURNS bigint LANGUAGE sql STRICT AS $$
    SELECT fold_stays_v2(
        base, ended_rooms, ended_users, ended_versions, ended_places, ended_changes,
        room_ids, user_ids, joined_versions, joined_places, joined_changes, left_versions, left_places, left_changes,
        array_fill(1::bigint, ARRAY[cardinality(room_ids)]), array_fill(NULL::bigint, ARRAY[cardinality(room_ids)]))
$$;

-- Names given by room_renamed. Each former name is kept with the version that ended it.
CREATE OR REPLACE FUNCTION fold_renames(
    base bigint, room_ids uuid[], versions bigint[], names text[], name_keys text[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    INSERT INTO former_names (room_id, until_version, name, name_version)
    SELECT
        renamed.room_id, renamed.version,
        lag(renamed.name, 1, rooms.name) OVER (PARTITION BY renamed.room_id ORDER BY renamed.version),
        lag(renamed.version, 1, rooms.name_version) OVER (PARTITION BY renamed.room_id ORDER BY renamed.version)
    FROM unnest(room_ids, versions, names) AS renamed (room_id, version, name)
    JOIN rooms ON rooms.room_id = renamed.room_id;
    UPDATE rooms SET
        name = newest.name, name_key = newest.name_key, name_version = newest.version, rename_count = rooms.rename_count + newest.renames
    FROM (
        SELECT DISTINCT ON (renamed.room_id)
            renamed.room_id, renamed.version, renamed.name, renamed.name_key, count(*) OVER (PARTITION BY renamed.room_id) AS renames
        FROM unnest(room_ids, versions, names, name_keys) AS renamed (room_id, version, name, name_key)
        ORDER BY renamed.room_id, renamed.version DESC
    ) AS newest
    WHERE rooms.room_id = newest.room_id;
    RETURN base;
END
$$;

-- Erasures of words. A version that was erased before keeps its first erasure.
CREATE OR REPLACE FUNCTION fold_erasures(
    base bigint, room_ids uuid[], versions bigint[], erased_versions bigint[], times timestamptz[], reasons text[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    WITH added AS (
        INSERT INTO erasures (room_id, version, erased_version, erased_at, why)
        SELECT DISTINCT ON (erased.room_id, erased.version) erased.*
        FROM unnest(room_ids, versions, erased_versions, times, reasons)
            AS erased (room_id, version, erased_version, erased_at, why)
        ORDER BY erased.room_id, erased.version, erased.erased_version
        ON CONFLICT (room_id, version) DO NOTHING
        RETURNING erasures.room_id
    )
    UPDATE rooms SET erased_count = rooms.erased_count + counted.words
    FROM (SELECT added.room_id, count(*) AS words FROM added GROUP BY added.room_id) AS counted
    WHERE rooms.room_id = counted.room_id;
    RETURN base;
END
$$;

-- How many messages each member said since they joined last. Of those who joined in this batch the count begins again, and
-- what they said in it before is not `counted`; that is empty where all is. Who never said anything has no row.
CREATE OR REPLACE FUNCTION fold_authors(
    base bigint, joined_rooms uuid[], joined_users bigint[], room_ids uuid[], user_ids bigint[], counted boolean[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    IF cardinality(joined_rooms) > 0 THEN
        UPDATE authors SET message_count = 0
        FROM unnest(joined_rooms, joined_users) AS joined (room_id, user_id)
        WHERE authors.room_id = joined.room_id AND authors.user_id = joined.user_id;
    END IF;
    IF cardinality(room_ids) > 0 THEN
        INSERT INTO authors (room_id, user_id, message_count)
        SELECT said.room_id, said.user_id, count(*) FILTER (WHERE said.is_counted IS NOT false)
        FROM unnest(room_ids, user_ids, counted) AS said (room_id, user_id, is_counted)
        GROUP BY said.room_id, said.user_id
        ON CONFLICT (room_id, user_id) DO UPDATE SET message_count = authors.message_count + excluded.message_count;
    END IF;
    RETURN base;
END
$$;

-- The same of the whole log at once, for a session that has folded it with `onrecord.counts_authors` off.
CREATE OR REPLACE FUNCTION count_authors() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM authors;
    INSERT INTO authors (room_id, user_id, message_count)
    SELECT said.room_id, said.user_id, count(*) FILTER (WHERE said.version > coalesce(stay.joined_version, 0))
    FROM messages AS said LEFT JOIN (
        SELECT room_id, user_id, max(joined_version) AS joined_version FROM memberships GROUP BY room_id, user_id
    ) AS stay ON stay.room_id = said.room_id AND stay.user_id = said.user_id
    GROUP BY said.room_id, said.user_id;
END
$$;

-- What was said, and what the batch did to each room as differences. Every fold ends here, and here a program is refused
-- whose fold is older than the one that made the rows; its session says which it has.
CREATE OR REPLACE FUNCTION fold_changes_v3(
    base bigint,
    changed_rooms uuid[], changed_versions bigint[], changed_places bigint[], bumped timestamptz[],
    message_versions bigint[], member_changes integer[], message_changes integer[],
    joined_rooms uuid[], joined_users bigint[], counted boolean[],
    room_ids uuid[], versions bigint[], user_ids bigint[], contents text[], times timestamptz[], replies bigint[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
DECLARE
    changed bigint;
    in_force integer := (SELECT version FROM fold_versions WHERE projection = 'rooms');
    program integer := coalesce(nullif(current_setting('onrecord.fold_version', true), ''), '1');
BEGIN
    IF in_force > program THEN
        RAISE EXCEPTION 'version % of the fold is in force, this program has version %', in_force, program
            USING ERRCODE = 'OR001';
    END IF;
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
        RAISE EXCEPTION 'an event of a room that was never opened'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF cardinality(room_ids) > 0 THEN
        INSERT INTO messages (room_id, version, user_id, content, posted_at, reply_to)
        SELECT * FROM unnest(room_ids, versions, user_ids, contents, times, replies);
    END IF;
    IF current_setting('onrecord.counts_authors', true) IS DISTINCT FROM 'off' THEN
        base := fold_authors(base, joined_rooms, joined_users, room_ids, user_ids, counted);
    END IF;
    RETURN base;
END
$$;

-- Programs of before counts of authors call it, and are refused where a later fold made the rows.
CREATE OR REPLACE FUNCTION fold_changes_v2(
    base bigint,
    changed_rooms uuid[], changed_versions bigint[], changed_places bigint[], bumped timestamptz[],
    message_versions bigint[], member_changes integer[], message_changes integer[],
    room_ids uuid[], versions bigint[], user_ids bigint[], contents text[], times timestamptz[], replies bigint[]
) RETURNS bigint LANGUAGE sql STRICT AS $$
    SELECT fold_changes_v3(
        base, changed_rooms, changed_versions, changed_places, bumped, message_versions, member_changes,
        message_changes, '{}', '{}', '{}', room_ids, versions, user_ids, contents, times, replies)
$$;

-- Programs of before replies call it, and are refused where a later fold made the rows.
CREATE OR REPLACE FUNCTION fold_changes(
    base bigint,
    changed_rooms uuid[], changed_versions bigint[], changed_places bigint[], bumped timestamptz[],
    message_versions bigint[], member_changes integer[], message_changes integer[],
    room_ids uuid[], versions bigint[], user_ids bigint[], contents text[], times timestamptz[]
) RETURNS bigint LANGUAGE sql STRICT AS $$
    SELECT fold_changes_v2(
        base, changed_rooms, changed_versions, changed_places, bumped, message_versions, member_changes,
        message_changes, room_ids, versions, user_ids, contents, times,
        array_fill(NULL::bigint, ARRAY[cardinality(room_ids)]))
$$;
