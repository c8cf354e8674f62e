-- version 2
-- What the triggers on the log do (migrations/0001_log.sql, 0011_append_lock.sql), for the table's owner and for superusers
-- as well: refuse changes, and let one transaction append at a time.

CREATE OR REPLACE FUNCTION refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- The append lock: until the transaction ends, nothing else appends. Readers do not wait for it, nor does VACUUM.
--
-- The lock itself is an advisory one. It is taken after ROW EXCLUSIVE on the table, the mode that an INSERT takes anyway,
-- in this order by everyone: a writer of the `eventsourcing` library holds EXCLUSIVE on the table, which ours waits for
-- with nothing in its hands, and gets the advisory lock when it inserts. So no two writers wait for each other.
CREATE OR REPLACE FUNCTION take_append_lock() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE stored_events IN ROW EXCLUSIVE MODE;
    PERFORM pg_advisory_xact_lock(x'6f6e7261'::integer, 0);
END
$$;

-- For writers that do not take the lock by themselves: their INSERT does.
CREATE OR REPLACE FUNCTION take_append_lock_for_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM take_append_lock();
    RETURN NULL;
END
$$;
