-- One table of token buckets for every limit that all processes share: failed logins, sign-ups, messages, rooms. `tokens`
-- may be negative: what processes let through before they heard of each other is paid back before more is allowed.
ALTER TABLE failed_logins RENAME TO throttle_buckets;
ALTER TABLE throttle_buckets RENAME CONSTRAINT failed_logins_pkey TO throttle_buckets_pkey;

-- A process of the release before counts failed logins under the old name, during an upgrade.
CREATE VIEW failed_logins AS SELECT key, tokens, rate, burst, counted_at FROM throttle_buckets;
