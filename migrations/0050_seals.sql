-- Commitments to the names of accounts and to what operators did, in the order in which they came to be: each is made over
-- the one before it, so that none can be altered or removed unseen. See docs/audit.md.
CREATE TABLE seals (
    sealed text NOT NULL,
    number bigint NOT NULL,
    id bigint NOT NULL,
    salt bytea,
    seal bytea NOT NULL,
    PRIMARY KEY (sealed, number)
);
CREATE UNIQUE INDEX seals_id_idx ON seals (sealed, id);
CREATE TABLE seal_heads (
    sealed text PRIMARY KEY,
    number bigint NOT NULL,
    seal bytea NOT NULL
);
INSERT INTO seal_heads (sealed, number, seal) VALUES ('users', 0, ''), ('operator_actions', 0, '');
ALTER TABLE seals
    ALTER COLUMN sealed SET STATISTICS 0, ALTER COLUMN salt SET STATISTICS 0, ALTER COLUMN seal SET STATISTICS 0;
ALTER TABLE seal_heads ALTER COLUMN sealed SET STATISTICS 0, ALTER COLUMN seal SET STATISTICS 0;

-- The bodies of these functions are in audit/checking/seals.sql.
CREATE FUNCTION seal_new_accounts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RETURN NULL;
END $$;
CREATE TRIGGER names_are_sealed AFTER INSERT ON users REFERENCING NEW TABLE AS new_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION seal_new_accounts();
CREATE FUNCTION seal_new_action() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RETURN NULL;
END $$;
-- At the end of the transaction, so that a long one does not keep others waiting.
CREATE CONSTRAINT TRIGGER actions_are_sealed AFTER INSERT ON operator_actions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION seal_new_action();
