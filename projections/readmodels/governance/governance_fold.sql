-- version 1
-- Decisions of owners and moderators, in log order; rooms hold the newest topic and whether they are archived.
CREATE OR REPLACE FUNCTION fold_governance(
    base bigint, room_ids uuid[], versions bigint[], aspects text[], member_ids bigint[], deciders bigint[],
    are_set boolean[], roles text[], ends timestamptz[], texts text[]
) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
BEGIN
    INSERT INTO governance (room_id, version, aspect, member_id, decided_by, is_set, role, until, words)
    SELECT * FROM unnest(room_ids, versions, aspects, member_ids, deciders, are_set, roles, ends, texts);
    UPDATE rooms SET
        decision_count = rooms.decision_count + decided.decisions,
        topic_version = CASE
            WHEN decided.topic IS NULL THEN rooms.topic_version
            WHEN decided.has_topic THEN decided.topic END,
        is_archived = coalesce(decided.is_archived, rooms.is_archived)
    FROM (
        SELECT
            each.room_id, count(*) AS decisions,
            max(each.version) FILTER (WHERE each.aspect = 'topic') AS topic,
            (array_agg(each.is_set ORDER BY each.version DESC) FILTER (WHERE each.aspect = 'topic'))[1] AS has_topic,
            (array_agg(each.is_set ORDER BY each.version DESC) FILTER (WHERE each.aspect = 'archive'))[1] AS is_archived
        FROM unnest(room_ids, versions, aspects, are_set) AS each (room_id, version, aspect, is_set)
        GROUP BY each.room_id
    ) AS decided
    WHERE rooms.room_id = decided.room_id;
    RETURN base;
END
$$;
