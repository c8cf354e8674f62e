-- The keys of buckets are keyed with a secret of the service from now on. Those of before were bare hashes of addresses
-- and user names, by which a guess can be checked. What they counted is forgotten: at most one burst for each.
DELETE FROM throttle_buckets;
