-- The tree over the log: epochs, tiles and checkpoints. An epoch begins when a log that went back is continued on purpose.
CREATE TABLE audit_epochs (
    epoch integer PRIMARY KEY,
    origin text NOT NULL UNIQUE,
    began_at timestamptz NOT NULL DEFAULT now(),
    size bigint NOT NULL DEFAULT 0,
    position bigint NOT NULL DEFAULT 0,
    stopped_why text,
    stopped_at timestamptz
);

CREATE TABLE audit_tiles (
    epoch integer NOT NULL,
    level integer NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    positions bigint[],
    PRIMARY KEY (epoch, level, number)
);
ALTER TABLE audit_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE audit_checkpoints (
    epoch integer NOT NULL,
    size bigint NOT NULL,
    note text NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (epoch, size)
);
ALTER TABLE audit_epochs ALTER COLUMN stopped_why SET STATISTICS 0;
