-- Fan-out: how far each lane has published the log, who may be listening, and what was set aside.

-- A lane publishes the channels of the users whose id modulo `lanes` is `lane`. All rows have one `layout`, which is
-- raised when the number of lanes changes; a lane of an older layout publishes nothing more.
CREATE TABLE fanout_lanes (
    lane integer PRIMARY KEY,
    lanes integer NOT NULL,
    layout integer NOT NULL,
    position bigint NOT NULL,              -- everything up to here is published
    moved_at timestamptz NOT NULL DEFAULT now(),
    stop_at bigint,                        -- publish up to here and wait: the number of lanes is about to change
    waits_at bigint,                       -- the lane's own word that it has stopped there
    paused boolean NOT NULL DEFAULT false, -- by an operator
    failed_position bigint,                -- an event that was refused for good stopped the lane here
    failed_reason text,
    skip_position bigint,                  -- an operator's word on that event: set it aside and go on
    holder text                            -- the process that publishes it, for people to read; the lock is what counts
) WITH (fillfactor = 10);
INSERT INTO fanout_lanes (lane, lanes, layout, position) VALUES (0, 1, 1, 0);

-- Who may hold a subscription token, or did lately. `changed_in` is the transaction that wrote the row: a lane reads
-- what changed since its last look, whatever the order in which transactions commit.
CREATE TABLE leases (
    user_id bigint PRIMARY KEY,
    warm_until timestamptz NOT NULL,
    is_paused boolean NOT NULL DEFAULT false,  -- told that publications to them have ceased
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX leases_changed_in_idx ON leases (changed_in);
CREATE INDEX leases_open_idx ON leases (user_id) WHERE NOT is_paused;

-- Publications that were refused for good and set aside, to be looked at.
CREATE TABLE dead_letters (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane integer NOT NULL,
    position bigint NOT NULL,
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    reason text NOT NULL,
    set_aside_at timestamptz NOT NULL DEFAULT now()
);
