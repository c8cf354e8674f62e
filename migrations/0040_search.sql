-- The words of messages, one row for each version of each, as PostgreSQL searches them. See docs/search.md. Words that stand
-- apart take their row with them when they are erased; `body` is null where the log itself holds them.
CREATE TABLE search_index (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    message bigint NOT NULL,
    -- Of the message in the log.
    position bigint NOT NULL,
    body bigint,
    tokens tsvector NOT NULL,
    FOREIGN KEY (room_id, body) REFERENCES bodies (stream, version) ON DELETE CASCADE
);
ALTER TABLE search_index ALTER COLUMN tokens SET STATISTICS 0;
CREATE INDEX search_index_body_idx ON search_index (room_id, body);

-- Without a list of pending entries, which each search would read through.
CREATE INDEX search_index_tokens_idx ON search_index USING gin (tokens) WITH (fastupdate = off);
