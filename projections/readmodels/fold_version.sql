-- version 1
-- Let programs with a lower version of the fold fold and append no more.
CREATE OR REPLACE FUNCTION put_fold_in_force(folded_by text, new_version integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO fold_versions (projection, version) VALUES (folded_by, new_version)
    ON CONFLICT (projection) DO UPDATE SET version = excluded.version
$$;
