-- Every writer takes the append lock, also one that does not know of it. The body of the function is in
-- eventstore/append_only.sql.
CREATE FUNCTION take_append_lock_for_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER log_is_appended_under_lock BEFORE INSERT ON stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION take_append_lock_for_insert();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER log_is_appended_under_lock;
