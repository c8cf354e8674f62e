-- How far each user has read each room, on whichever device. Changed in place: reading is nothing that happened in a room.
CREATE TABLE read_marks (
    user_id bigint NOT NULL,
    room_id uuid NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (user_id, room_id)
) WITH (fillfactor = 70);  -- rows that move with every message read: room on their page keeps that cheap
