-- version 2
-- Commitments to the names of accounts, to what they may do, and to what operators did. Each has a salt, which goes when a person is erased: then
-- the commitment stays and says nothing. The functions run as the owner: the service itself cannot change a seal.

-- Seal rows of a table, in this order: their ids, and the bytes that say what they are.
CREATE OR REPLACE FUNCTION add_seals(of_table text, ids bigint[], contents bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head record;
    fresh record;
    salt bytea;
BEGIN
    SELECT number, seal INTO STRICT head FROM seal_heads WHERE sealed = of_table FOR UPDATE;
    FOR fresh IN
        SELECT id, content FROM unnest(ids, contents) WITH ORDINALITY AS each (id, content, place) ORDER BY place
    LOOP
        salt := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
        head.number := head.number + 1;
        head.seal := sha256(
            convert_to('onrecord/' || of_table || '/v1', 'utf8') || '\x00'::bytea
            || salt || head.seal || int8send(fresh.id) || fresh.content);
        INSERT INTO seals (sealed, number, id, salt, seal)
        VALUES (of_table, head.number, fresh.id, salt, head.seal);
    END LOOP;
    UPDATE seal_heads SET number = head.number, seal = head.seal WHERE sealed = of_table;
END
$$;

-- Make the seals of these rows say nothing: what they were made over can no longer be guessed.
CREATE OR REPLACE FUNCTION forget_salts(of_table text, ids bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE seals SET salt = NULL WHERE sealed = of_table AND id = ANY(ids)
$$;

CREATE OR REPLACE FUNCTION text_to_seal(words text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT int8send(octet_length(convert_to(words, 'utf8'))) || convert_to(words, 'utf8')
$$;

CREATE OR REPLACE FUNCTION action_to_seal(action operator_actions) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT int8send((extract(epoch FROM action.taken_at) * 1000000)::bigint)
        || text_to_seal(action.who) || text_to_seal(action.action)
        || text_to_seal(action.subject) || text_to_seal(action.why)
$$;

CREATE OR REPLACE FUNCTION seal_new_accounts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM add_seals(
        'users', array_agg(user_id ORDER BY user_id), array_agg(text_to_seal(username) ORDER BY user_id))
    FROM new_accounts HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION seal_new_action() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM add_seals('operator_actions', ARRAY[NEW.action_id], ARRAY[action_to_seal(NEW)]);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION standing_of(account users) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws(
        ' ', account.role, CASE WHEN account.is_bot THEN 'bot' END,
        CASE WHEN account.deactivated_at IS NOT NULL THEN 'deactivated' END)
$$;

CREATE OR REPLACE FUNCTION standing_to_seal(standing account_standings) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT int8send(standing.user_id) || text_to_seal(standing.standing)
        || int8send((extract(epoch FROM standing.since) * 1000000)::bigint)
$$;

-- Record what these accounts may do from now on.
CREATE OR REPLACE FUNCTION add_standings(accounts bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids bigint[];
    contents bytea[];
BEGIN
    WITH fresh AS (
        INSERT INTO account_standings (user_id, standing)
        SELECT user_id, standing_of(users) FROM users WHERE user_id = ANY(accounts) ORDER BY user_id RETURNING *
    )
    SELECT array_agg(standing_id ORDER BY standing_id),
        array_agg(standing_to_seal(fresh::account_standings) ORDER BY standing_id)
    INTO ids, contents FROM fresh;
    IF ids IS NOT NULL THEN
        PERFORM add_seals('account_standings', ids, contents);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION seal_first_standings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM add_standings(array_agg(user_id)) FROM new_accounts HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION seal_changed_standings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM add_standings(array_agg(after.user_id))
    FROM accounts_after AS after JOIN accounts_before AS before USING (user_id)
    WHERE (after.role, after.is_bot, after.deactivated_at IS NULL)
        IS DISTINCT FROM (before.role, before.is_bot, before.deactivated_at IS NULL)
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;

-- What was there before there were seals. An account that was erased before has none.
SELECT add_seals('users', array_agg(user_id ORDER BY user_id), array_agg(text_to_seal(username) ORDER BY user_id))
FROM users WHERE (SELECT number = 0 FROM seal_heads WHERE sealed = 'users') HAVING count(*) > 0;
SELECT add_seals(
    'operator_actions', array_agg(action_id ORDER BY action_id),
    array_agg(action_to_seal(operator_actions) ORDER BY action_id))
FROM operator_actions
WHERE (SELECT number = 0 FROM seal_heads WHERE sealed = 'operator_actions') HAVING count(*) > 0;
INSERT INTO seal_heads (sealed, number, seal) VALUES ('account_standings', 0, '') ON CONFLICT (sealed) DO NOTHING;
SELECT add_standings(array_agg(user_id))
FROM users WHERE (SELECT number = 0 FROM seal_heads WHERE sealed = 'account_standings') HAVING count(*) > 0;
