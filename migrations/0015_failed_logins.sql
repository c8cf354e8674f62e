-- Failed logins, counted for all processes: a token bucket for each account, address and known device. `key` is a hash,
-- because what was typed as a name may be a password. Rows that are full again are removed.
CREATE TABLE failed_logins (
    key bytea PRIMARY KEY,
    tokens float8 NOT NULL,
    rate float8 NOT NULL,
    burst float8 NOT NULL,
    counted_at timestamptz NOT NULL
);
