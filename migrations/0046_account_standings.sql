-- What each account may do, from its beginning on: its role, whether it is a bot, whether it is deactivated. Each change adds a
-- row, which is sealed. The bodies of these functions are in audit/checking/seals.sql.
CREATE TABLE account_standings (
    standing_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    standing text NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX account_standings_user_id_idx ON account_standings (user_id, standing_id);
CREATE FUNCTION seal_first_standings() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RETURN NULL;
END $$;
CREATE TRIGGER first_standings_are_sealed AFTER INSERT ON users REFERENCING NEW TABLE AS new_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION seal_first_standings();
CREATE FUNCTION seal_changed_standings() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RETURN NULL;
END $$;
CREATE TRIGGER changed_standings_are_sealed
    AFTER UPDATE ON users REFERENCING OLD TABLE AS accounts_before NEW TABLE AS accounts_after
    FOR EACH STATEMENT EXECUTE FUNCTION seal_changed_standings();
