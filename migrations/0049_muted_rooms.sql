-- Which rooms each user has muted: a setting of their own, changed in place, not on the record. It ends with the stay that
-- began with `joined_version`. `changes` counts how often it was changed, so that devices know the newest.
CREATE TABLE muted_rooms (
    user_id bigint NOT NULL,
    room_id uuid NOT NULL,
    joined_version bigint NOT NULL,
    is_muted boolean NOT NULL,
    changes bigint NOT NULL,
    PRIMARY KEY (user_id, room_id)
);
