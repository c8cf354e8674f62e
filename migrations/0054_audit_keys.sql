-- The public keys that sign the tree of each epoch, one after the other. `signs_until`: the size of the largest tree that a key
-- signed, once another has taken its place.
CREATE TABLE audit_keys (
    epoch integer NOT NULL,
    number integer NOT NULL,
    log_key text NOT NULL,
    time_key text NOT NULL,
    signs_until bigint,
    PRIMARY KEY (epoch, number)
);
