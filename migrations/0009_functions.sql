-- Which version of each file of functions this database has; see postgres/functions.py. From here on functions are next
-- to the code that calls them, and migrations hold schema only.
CREATE TABLE schema_functions (
    name text PRIMARY KEY,
    version integer NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
