-- What rooms were called before a `room_renamed`. A room was called `name` up to the version before `until_version`, from
-- the former name that ends before it or from its opening. The name it has now stands in its own row.
CREATE TABLE former_names (
    room_id uuid NOT NULL,
    until_version bigint NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (room_id, until_version)
);
