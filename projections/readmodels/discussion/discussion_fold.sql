-- version 5
-- The fold of what members do about messages. It comes after the fold of the messages themselves. Events come as JSON, an
-- object for each, and are folded one by one in the order of their versions. Returns `base`, as every fold does. An event
-- that cannot have happened is an error.
CREATE OR REPLACE FUNCTION fold_discussion(base bigint, events text) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
DECLARE
    event record;
    changed bigint;
BEGIN
    FOR event IN
        SELECT * FROM jsonb_to_recordset(events::jsonb) AS each (
            room_id uuid, version bigint, topic text, user_id bigint, at timestamptz, message bigint,
            words text, is_sealed boolean, emoji text)
        ORDER BY room_id, version
    LOOP
        CASE event.topic
        WHEN 'message_edited' THEN
            INSERT INTO edits (room_id, message, version, edited_at, content)
            VALUES (event.room_id, event.message, event.version, event.at, event.words);
            UPDATE messages SET edited_version = event.version  -- by its author, and not after it was retracted
            WHERE messages.room_id = event.room_id AND messages.version = event.message
                AND messages.user_id = event.user_id
                AND NOT EXISTS (
                    SELECT FROM retractions AS gone
                    WHERE gone.room_id = event.room_id AND gone.message = event.message);
        WHEN 'message_retracted' THEN
            UPDATE pins SET unpinned_version = event.version
            WHERE pins.room_id = event.room_id AND pins.message = event.message AND unpinned_version IS NULL;
            INSERT INTO retractions (room_id, message, version, retracted_by, retracted_at, has_why, why)
            SELECT
                event.room_id, event.message, event.version, event.user_id, event.at,
                event.is_sealed OR event.words IS NOT NULL, event.words
            FROM messages AS said WHERE said.room_id = event.room_id AND said.version = event.message;
        WHEN 'reaction_added' THEN
            INSERT INTO reactions (room_id, message, user_id, emoji, added_version)
            SELECT event.room_id, event.message, event.user_id, event.emoji, event.version FROM messages AS said
            WHERE said.room_id = event.room_id AND said.version = event.message;
        WHEN 'reaction_removed' THEN
            UPDATE reactions SET removed_version = event.version
            WHERE reactions.room_id = event.room_id AND reactions.message = event.message
                AND reactions.user_id = event.user_id AND reactions.emoji = event.emoji AND removed_version IS NULL;
        WHEN 'message_pinned' THEN
            INSERT INTO pins (room_id, message, pinned_version, pinned_by, pinned_at)
            SELECT event.room_id, event.message, event.version, event.user_id, event.at FROM messages AS said
            WHERE said.room_id = event.room_id AND said.version = event.message;
        WHEN 'message_unpinned' THEN
            UPDATE pins SET unpinned_version = event.version
            WHERE pins.room_id = event.room_id AND pins.message = event.message AND unpinned_version IS NULL;
        END CASE;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed <> 1 THEN
            RAISE EXCEPTION '% of what was never said or done', event.topic
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    UPDATE rooms SET
        edit_count = edit_count + counted.edits,
        retraction_count = retraction_count + counted.retractions,
        reaction_count = reaction_count + counted.reactions,
        pin_count = pin_count + counted.pins
    FROM (
        SELECT
            each.room_id,
            count(*) FILTER (WHERE topic = 'message_edited') AS edits,
            count(*) FILTER (WHERE topic = 'message_retracted') AS retractions,
            count(*) FILTER (WHERE topic = 'reaction_added') AS reactions,
            count(*) FILTER (WHERE topic = 'message_pinned') AS pins
        FROM jsonb_to_recordset(events::jsonb) AS each (room_id uuid, topic text) GROUP BY each.room_id
    ) AS counted
    WHERE rooms.room_id = counted.room_id
        AND (counted.edits, counted.retractions, counted.reactions, counted.pins) <> (0, 0, 0, 0);
    RETURN base;
END
$$;

DROP FUNCTION IF EXISTS fold_mentions(bigint, uuid[], bigint[], bigint[]);

-- Whom messages mention, and the version that named them: that of the message, or of an edit. A row for each member,
-- user 0 for everyone.
CREATE OR REPLACE FUNCTION fold_mentions_v2(
    base bigint, room_ids uuid[], versions bigint[], user_ids bigint[], named_versions bigint[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    INSERT INTO mentions (room_id, version, user_id, named_version)
    SELECT * FROM unnest(room_ids, versions, user_ids, named_versions);
    UPDATE rooms SET mention_count = rooms.mention_count + counted.mentions
    FROM (
        SELECT mentioned.room_id, count(*) AS mentions FROM unnest(room_ids) AS mentioned (room_id)
        GROUP BY mentioned.room_id
    ) AS counted
    WHERE rooms.room_id = counted.room_id;
    RETURN base;
END
$$;

-- Which files messages name.
CREATE OR REPLACE FUNCTION fold_attachments(
    base bigint, room_ids uuid[], versions bigint[], places integer[], upload_ids uuid[], sha256s text[], sizes bigint[],
    media_types text[], widths integer[], heights integer[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    INSERT INTO attachments (room_id, version, place, upload_id, sha256, size, media_type, width, height)
    SELECT * FROM unnest(room_ids, versions, places, upload_ids, sha256s, sizes, media_types, widths, heights);
    UPDATE rooms SET attachment_count = rooms.attachment_count + counted.attachments
    FROM (
        SELECT attached.room_id, count(*) AS attachments FROM unnest(room_ids) AS attached (room_id)
        GROUP BY attached.room_id
    ) AS counted
    WHERE rooms.room_id = counted.room_id;
    RETURN base;
END
$$;
