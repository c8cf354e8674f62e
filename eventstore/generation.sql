-- version 3
-- What identifies the log: hashes of its events, and the generation, which rises whenever the log went back.

-- The hash of one event: a leaf of RFC 6962's tree over position, stream, version, topic and the hash of the state. The hash
-- of a topic that is too long for its length in two bytes takes its place. In SQL alone it would take twice as long.
CREATE OR REPLACE FUNCTION event_hash(at bigint, stream uuid, version bigint, topic text, state bytea)
RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    named bytea := convert_to(coalesce(topic, ''), 'utf8');
BEGIN
    IF octet_length(named) > 65000 THEN
        named := sha256(named);
    END IF;
    RETURN sha256(
        '\x0001'::bytea || int8send(at) || uuid_send(stream) || int8send(version)
        || substr(int4send(octet_length(named)), 3) || named
        || sha256(coalesce(state, ''::bytea)));
END
$$;

-- The hash of the newest event up to a position; empty where there is none. It stands for the whole log up to there.
CREATE OR REPLACE FUNCTION log_hash(at bigint) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((
        SELECT event_hash(notification_id, originator_id, originator_version, topic, state)
        FROM stored_events WHERE notification_id <= at ORDER BY notification_id DESC LIMIT 1), ''::bytea);
END
$$;

-- Whether the log reaches a position, and has the event there that the hash is of. To ask for any event from there on
-- instead of the newest has the planner read the log from its beginning, where it expects to meet one soon.
CREATE OR REPLACE FUNCTION log_contains(at bigint, hash bytea) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (at = 0 OR at <= (SELECT max(notification_id) FROM stored_events)) IS TRUE AND log_hash(at) = hash;
END
$$;

-- Compare what a process remembers of the log with the log as it is now. Volatile, so that it sees what was committed
-- while the caller waited for the append lock.
CREATE OR REPLACE FUNCTION look_at_log(
    known_position bigint, known_hash bytea, OUT generation bigint, OUT contains boolean, OUT head bigint, OUT hash bytea
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    generation := (SELECT log.generation FROM log_generation AS log);
    SELECT notification_id, event_hash(notification_id, originator_id, originator_version, topic, state)
    INTO head, hash FROM stored_events ORDER BY notification_id DESC LIMIT 1;
    head := coalesce(head, 0);
    hash := coalesce(hash, ''::bytea);
    contains := CASE WHEN known_position = head THEN known_hash = hash ELSE log_contains(known_position, known_hash) END;
END
$$;

-- Begin a new generation, unless another process has begun one that the caller does not know yet. The caller knows that
-- the log went back: what it remembers of it at `known_position` is not there.
CREATE OR REPLACE FUNCTION begin_generation(
    known_generation bigint, known_position bigint, OUT generation bigint, OUT head bigint, OUT hash bytea
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM take_append_lock();
    head := coalesce((SELECT max(notification_id) FROM stored_events), 0);
    hash := log_hash(head);
    UPDATE log_generation AS log SET
        generation = known_generation + 1, began_at = now(), went_back_from = known_position, went_back_to = head
    WHERE log.generation <= known_generation;
    generation := (SELECT log.generation FROM log_generation AS log);
END
$$;
