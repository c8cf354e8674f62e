-- The version that named them: that of the message, or of an edit of it.
ALTER TABLE mentions ADD COLUMN named_version bigint;
UPDATE mentions SET named_version = version;
ALTER TABLE mentions ALTER COLUMN named_version SET NOT NULL;
