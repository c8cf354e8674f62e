-- version 4
-- The fold of the record of custody. Events are few, so each is folded by itself, in the order of their versions. They come
-- as JSON: an object for each, with its topic, version, time and fields. Returns `base`, as every fold does.
CREATE OR REPLACE FUNCTION fold_custody(base bigint, events text) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
DECLARE
    event record;
    changed bigint;
BEGIN
    FOR event IN
        SELECT * FROM jsonb_to_recordset(events::jsonb) AS each (
            topic text, version bigint, at timestamptz, user_id bigint,
            person_id bigint, room_id uuid, since timestamptz, until timestamptz, conversations boolean, hold bigint,
            keep_days integer, erase_days integer, rule bigint,
            versions bigint[], before timestamptz, request uuid, erased bigint, held bigint, holds bigint[], rules bigint[]
        ) ORDER BY version
    LOOP
        changed := 1;
        CASE event.topic
        WHEN 'custody_opened', 'audit_restarted', 'audit_key_changed', 'record_verified' THEN
            NULL;
        WHEN 'hold_placed' THEN
            INSERT INTO holds (hold, person_id, room_id, since, until, conversations, placed_by, placed_at)
            VALUES (
                event.version, event.person_id, event.room_id, event.since, event.until, event.conversations,
                event.user_id, event.at);
        WHEN 'hold_ended' THEN
            UPDATE holds SET ended_version = event.version, ended_by = event.user_id, ended_at = event.at
            WHERE hold = event.hold AND ended_version IS NULL;
            GET DIAGNOSTICS changed = ROW_COUNT;
        WHEN 'retention_set' THEN
            UPDATE retention_rules SET ended_version = event.version, ended_by = event.user_id, ended_at = event.at
            WHERE room_id IS NOT DISTINCT FROM event.room_id AND ended_version IS NULL;
            INSERT INTO retention_rules (rule, room_id, keep_days, erase_days, set_by, set_at)
            VALUES (event.version, event.room_id, event.keep_days, event.erase_days, event.user_id, event.at);
        WHEN 'retention_ended' THEN
            UPDATE retention_rules SET ended_version = event.version, ended_by = event.user_id, ended_at = event.at
            WHERE rule = event.rule AND ended_version IS NULL;
            GET DIAGNOSTICS changed = ROW_COUNT;
        WHEN 'erasure_requested' THEN
            INSERT INTO erasure_requests (
                request, requested_version, person_id, room_id, versions, before, requested_by, requested_at)
            VALUES (
                event.request, event.version, event.person_id, event.room_id, event.versions, event.before,
                event.user_id, event.at);
        WHEN 'erasure_carried_out' THEN
            UPDATE erasure_requests SET
                erased = erasure_requests.erased + event.erased, held = event.held, holds = event.holds,
                rules = event.rules, until = event.until, carried_out_version = event.version,
                carried_out_at = event.at
            WHERE request = event.request AND held IS DISTINCT FROM 0;
            GET DIAGNOSTICS changed = ROW_COUNT;
        END CASE;
        IF changed <> 1 THEN
            RAISE EXCEPTION '% of what is not in force', event.topic USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    RETURN base;
END
$$;
