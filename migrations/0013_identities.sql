-- User ids that the log names are never given to another account, also where a log came without its accounts. The body
-- of the function is in api/accounts/user_ids.sql.
CREATE FUNCTION keep_user_ids_of_the_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER user_ids_of_the_log_are_kept BEFORE INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION keep_user_ids_of_the_log();

-- Which version of the fold made the rows of each projection. A program with a lower one stops folding and appending.
CREATE TABLE fold_versions (
    projection text PRIMARY KEY,
    version integer NOT NULL
);
INSERT INTO fold_versions VALUES ('rooms', 1);
