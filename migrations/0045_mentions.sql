-- Whom messages mention: a row for each member, user 0 for everyone in the room. Messages of before mention none.
CREATE TABLE mentions (
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    user_id bigint NOT NULL,
    PRIMARY KEY (room_id, version, user_id)
);
-- Unread mentions are counted with it.
CREATE INDEX mentions_user_idx ON mentions (room_id, user_id, version);

ALTER TABLE rooms ADD COLUMN mention_count bigint NOT NULL DEFAULT 0;
