-- version 1
-- The fold of who may enter rooms, and of what joiners may read. Such events are few, so each is folded by itself, in the
-- order of the log. They come as JSON: an object for each, with its topic, room, version, time and fields. Returns `base`,
-- as every fold does. It comes after the fold of the rooms' other rows.
CREATE OR REPLACE FUNCTION fold_admission(base bigint, events text) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
DECLARE
    event record;
BEGIN
    FOR event IN
        SELECT * FROM jsonb_array_elements(events::jsonb) WITH ORDINALITY AS each (fields, place),
            jsonb_to_record(each.fields) AS told (
                topic text, room_id uuid, version bigint, at timestamptz, user_id bigint,
                visibility text, history text, invitee_id bigint,
                token_hash text, expires_at timestamptz, max_uses integer, link bigint)
        ORDER BY place
    LOOP
        CASE event.topic
        WHEN 'visibility_changed', 'history_changed' THEN
            INSERT INTO former_access (room_id, until_version, visibility, open_from)
            SELECT rooms.room_id, event.version, rooms.visibility, rooms.open_from
            FROM rooms WHERE rooms.room_id = event.room_id;
            -- What was said before a room is opened further stays closed to those who join later.
            UPDATE rooms SET
                visibility = coalesce(event.visibility, rooms.visibility),
                open_from = CASE
                    WHEN event.history = 'since_joining' THEN NULL
                    WHEN event.history = 'all' THEN event.version
                    WHEN event.visibility = 'public' AND rooms.open_from IS NOT NULL THEN event.version
                    ELSE rooms.open_from END,
                access_count = rooms.access_count + 1
            WHERE rooms.room_id = event.room_id;
        WHEN 'user_invited' THEN
            INSERT INTO room_invitations (room_id, invited_version, user_id, invited_by, invited_at)
            VALUES (event.room_id, event.version, event.invitee_id, event.user_id, event.at);
            UPDATE rooms SET invitation_count = rooms.invitation_count + 1 WHERE rooms.room_id = event.room_id;
        WHEN 'invitation_withdrawn', 'invitation_declined', 'user_joined' THEN
            UPDATE room_invitations SET ended_version = event.version
            WHERE room_invitations.room_id = event.room_id AND room_invitations.ended_version IS NULL
                AND room_invitations.user_id = coalesce(event.invitee_id, event.user_id);
        WHEN 'invitation_link_made' THEN
            INSERT INTO invitation_links (
                room_id, made_version, token_hash, made_by, made_at, expires_at, max_uses)
            VALUES (
                event.room_id, event.version, event.token_hash, event.user_id, event.at, event.expires_at,
                event.max_uses);
            UPDATE rooms SET link_count = rooms.link_count + 1 WHERE rooms.room_id = event.room_id;
        WHEN 'invitation_link_revoked' THEN
            UPDATE invitation_links SET revoked_version = event.version
            WHERE invitation_links.room_id = event.room_id AND invitation_links.made_version = event.link;
        END CASE;
    END LOOP;
    RETURN base;
END
$$;
