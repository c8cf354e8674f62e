-- version 3
-- Called for each new account. An id that the log names belongs to the person of whom the log speaks: where the sequence is
-- behind such ids, as after an import, it moves beyond them first. Those who act in a room have been its members, or
-- are invited: a new account must not get the invitation of another person.
-- An id that was given and not drawn stays: those who restore accounts know to whom they belong.
CREATE OR REPLACE FUNCTION keep_user_ids_of_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    highest bigint := greatest(
        (SELECT max(user_id) FROM memberships),
        (SELECT max(user_id) FROM room_invitations WHERE ended_version IS NULL));
BEGIN
    IF NEW.user_id <= highest AND has_drawn_user_ids() THEN
        PERFORM move_user_ids_beyond(highest);
        NEW.user_id := nextval(pg_get_serial_sequence('users', 'user_id'));
    END IF;
    RETURN NEW;
END
$$;

-- Whether this session has drawn an id from the sequence: a session that has not can only insert ids of its own choice.
CREATE OR REPLACE FUNCTION has_drawn_user_ids() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM currval(pg_get_serial_sequence('users', 'user_id'));
    RETURN true;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RETURN false;
END
$$;

-- Let no new account get an id up to `highest`. The space beyond it is for ids that others draw at this moment: a sequence
-- is under no lock, and must not be set back behind them.
CREATE OR REPLACE FUNCTION move_user_ids_beyond(highest bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ids text := pg_get_serial_sequence('users', 'user_id');
BEGIN
    IF nextval(ids) <= highest THEN
        PERFORM setval(ids, highest + 1000);
    END IF;
END
$$;
