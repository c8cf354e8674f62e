-- The log: one row for every event that ever happened, appended once, never changed.
-- Table, index and storage options are those of the `eventsourcing` library's PostgreSQL application recorder (9.5),
-- so that a stock application of that library reads, follows and appends to the same log.

CREATE TABLE stored_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text,
    state bytea,
    notification_id bigserial,
    PRIMARY KEY (originator_id, originator_version)
) WITH (
    autovacuum_enabled = true,
    autovacuum_vacuum_threshold = 100000000,
    autovacuum_vacuum_scale_factor = 0.5,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.01
);

CREATE UNIQUE INDEX stored_events_notification_id_idx ON stored_events (notification_id ASC);

-- Ours: "the events of this room after that position", for the feed of somebody who was away.
CREATE INDEX stored_events_stream_position_idx ON stored_events (originator_id, notification_id);

-- Privileges cannot keep the log unchangeable: appending takes LOCK TABLE … IN EXCLUSIVE MODE, and PostgreSQL 15 grants
-- that only to roles that may UPDATE, DELETE or TRUNCATE. So the table refuses by itself, to owners and superusers too,
-- and ENABLE ALWAYS holds when a session plays the replica.

CREATE FUNCTION refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER log_is_append_only BEFORE UPDATE OR DELETE ON stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER log_is_append_only;

CREATE TRIGGER log_is_not_truncated BEFORE TRUNCATE ON stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
ALTER TABLE stored_events ENABLE ALWAYS TRIGGER log_is_not_truncated;

-- The newest snapshot of each stream: a cache, free to be deleted at any time.
CREATE TABLE snapshots (
    originator_id uuid PRIMARY KEY,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL
);

-- What each idempotency key recorded, written in the same transaction as the events.
CREATE TABLE idempotency_keys (
    owner bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_keys_recorded_at_idx ON idempotency_keys (recorded_at);

-- How far each projection has folded the log, moved in the transaction that writes its rows.
CREATE TABLE checkpoints (
    projection text PRIMARY KEY,
    position bigint NOT NULL
) WITH (fillfactor = 10);  -- one small row that changes with every batch: room on its page keeps that cheap
