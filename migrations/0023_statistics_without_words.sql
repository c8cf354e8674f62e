-- PostgreSQL's statistics hold whole values and keep them after the row is gone: none of columns that hold what people
-- typed, or what describes a person. tests/integration/log/test_statistics.py asks for each new column.
ALTER TABLE users
    ALTER COLUMN username SET STATISTICS 0,
    ALTER COLUMN username_key SET STATISTICS 0,
    ALTER COLUMN password_hash SET STATISTICS 0;
ALTER TABLE sessions
    ALTER COLUMN device SET STATISTICS 0,
    ALTER COLUMN network SET STATISTICS 0;
ALTER TABLE operator_actions
    ALTER COLUMN who SET STATISTICS 0,
    ALTER COLUMN subject SET STATISTICS 0,
    ALTER COLUMN why SET STATISTICS 0;
ALTER TABLE idempotency_keys ALTER COLUMN key SET STATISTICS 0;
ALTER TABLE dead_letters ALTER COLUMN reason SET STATISTICS 0;
ALTER TABLE fanout_lanes ALTER COLUMN failed_reason SET STATISTICS 0;
ALTER TABLE snapshots ALTER COLUMN state SET STATISTICS 0;

-- A new target keeps what an ANALYZE of before has written, also for the columns of 0021. To give a column the type that
-- it has rewrites nothing, and drops its statistics.
ALTER TABLE users
    ALTER COLUMN username TYPE text,
    ALTER COLUMN username_key TYPE text,
    ALTER COLUMN password_hash TYPE text;
ALTER TABLE sessions
    ALTER COLUMN device TYPE text,
    ALTER COLUMN network TYPE text;
ALTER TABLE operator_actions
    ALTER COLUMN who TYPE text,
    ALTER COLUMN subject TYPE text,
    ALTER COLUMN why TYPE text;
ALTER TABLE idempotency_keys ALTER COLUMN key TYPE text;
ALTER TABLE dead_letters ALTER COLUMN reason TYPE text;
ALTER TABLE fanout_lanes ALTER COLUMN failed_reason TYPE text;
ALTER TABLE snapshots ALTER COLUMN state TYPE bytea;
ALTER TABLE rooms
    ALTER COLUMN name TYPE text,
    ALTER COLUMN name_key TYPE text;
ALTER TABLE former_names ALTER COLUMN name TYPE text;
ALTER TABLE messages ALTER COLUMN content TYPE text;
