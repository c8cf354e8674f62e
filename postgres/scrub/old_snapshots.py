"""What still sees rows that are deleted: a rewrite must keep them for it.

Source: https://www.postgresql.org/docs/current/routine-vacuuming.html (when rows can be removed).
"""

import asyncio
import time

import asyncpg

MARK = "SELECT pg_current_xact_id()::xid::text"
"""A transaction of our own: whatever began before it may see what was deleted before it."""

OLDER = """
WITH mark AS (SELECT age($1::text::xid) AS age)
SELECT format('session %s of %s%s', pid, usename, ', since ' || date_trunc('second', xact_start)) AS holder
FROM pg_stat_activity, mark
WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datid IS NULL)
    AND (age(backend_xmin) >= mark.age OR age(backend_xid) >= mark.age)
    AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
UNION ALL
SELECT format('replication slot %s', slot_name) FROM pg_replication_slots, mark
WHERE age(xmin) >= mark.age OR age(catalog_xmin) >= mark.age
UNION ALL
SELECT format('prepared transaction %s', gid) FROM pg_prepared_xacts, mark
WHERE database = current_database() AND age(transaction) >= mark.age
"""
LOOK_EVERY_S = 0.2


async def wait_for_old_snapshots(connection: asyncpg.Connection, *, deadline: float) -> list[str]:
    """Wait until nothing can see what was deleted before this call. Returns what still can at the deadline."""
    mark = await connection.fetchval(MARK)
    while holders := [row["holder"] for row in await connection.fetch(OLDER, mark)]:
        if time.monotonic() > deadline:
            return holders
        await asyncio.sleep(LOOK_EVERY_S)
    return []
