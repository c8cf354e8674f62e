"""The table of idempotency keys. `record_events` in append.sql adds them, together with the events they stand for."""

from collections.abc import Sequence

import asyncpg

from postgres.database import Database

READ = """
SELECT owner, key, fingerprint, originator_id, originator_version
FROM unnest($1::bigint[], $2::text[]) AS asked (owner, key) JOIN idempotency_keys USING (owner, key)
"""
REMOVE_OLD = "DELETE FROM idempotency_keys WHERE recorded_at < now() - $1 * interval '1 second'"


async def read_keys(owners: Sequence[int], keys: Sequence[str], connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Those of the given keys that were used before: their commands' fingerprints, and where the events are."""
    return list(await connection.fetch(READ, owners, keys))


async def remove_old_keys(database: Database, *, keep_s: float) -> None:
    """Delete the keys that were recorded more than `keep_s` seconds ago."""
    await database.execute(REMOVE_OLD, keep_s)
