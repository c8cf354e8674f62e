-- Who may see and do on pages what operators do in a shell. Admins are users in everything else.
ALTER TABLE users ADD COLUMN role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin'));

-- One row: until when an admin may be watching, and when a process last told them how everything is.
CREATE TABLE operations_watch (
    watched_until timestamptz NOT NULL,
    told_at timestamptz NOT NULL
);
INSERT INTO operations_watch VALUES ('-infinity', '-infinity');
