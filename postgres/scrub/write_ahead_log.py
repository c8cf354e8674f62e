"""Letting the write-ahead log pass on: what was written stands in its segments until they are removed or overwritten.

After a checkpoint, PostgreSQL removes segments from before it, or renames them for later use with their old bytes in
them. So first every segment of before must be gone under its name, and then the log must run through those that are
there for later use: a switch to the next segment fills the rest of the current one with zeros.

Source: https://www.postgresql.org/docs/current/wal-configuration.html
"""

import asyncio
import time

import asyncpg
from msgspec import Struct

# A name without the timeline, which comes first: such names rise.
CURRENT = "SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 9)"
SEGMENTS = "SELECT substr(name, 9) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}(\\.partial)?$'"
KEPT_BACK = """
SELECT (SELECT setting::bigint << 20 FROM pg_settings WHERE name = 'wal_keep_size')
    / (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size')
"""
SWITCH = "SELECT pg_logical_emit_message(false, 'onrecord', 'scrub'), pg_switch_wal()"  # an empty one is not switched
HOLDERS = """
SELECT format('replication slot %s has not got beyond %s', slot_name, restart_lsn)
FROM pg_replication_slots WHERE substr(pg_walfile_name(restart_lsn), 9) <= $1
UNION ALL
SELECT format('the archive has got nothing after %s', coalesce(last_archived_wal, 'the start'))
FROM pg_stat_archiver WHERE current_setting('archive_mode') <> 'off'
"""
MISSING = """
SELECT format('GRANT pg_checkpoint TO %I', current_user) WHERE NOT pg_has_role('pg_checkpoint', 'USAGE')
UNION ALL
SELECT format('GRANT EXECUTE ON FUNCTION pg_switch_wal() TO %I', current_user)
WHERE NOT has_function_privilege('pg_switch_wal()', 'EXECUTE')
UNION ALL
SELECT format('GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO %I', current_user)
WHERE NOT has_function_privilege('pg_ls_waldir()', 'EXECUTE')
"""
LOOK_EVERY_S = 0.5


class Passed(Struct, frozen=True):
    """How far the log passed on: segments from before that are gone, and those for later use that are overwritten."""

    removed: int = 0
    overwritten: int = 0
    left: list[str] = []


async def missing_rights(connection: asyncpg.Connection) -> list[str]:
    """The statements that give this role the rights that `let_pass` needs."""
    return [row[0] for row in await connection.fetch(MISSING)]


async def let_pass(connection: asyncpg.Connection, *, deadline: float) -> Passed:
    """Let the log pass beyond what it holds now. Waits for those who keep segments back until `deadline` (monotonic
    seconds). Ends with a checkpoint.
    """
    newest = await connection.fetchval(CURRENT)
    before = [name for name in await _segments(connection) if name <= newest]
    switches = 1 + await connection.fetchval(KEPT_BACK)
    while old := [name for name in await _segments(connection) if name <= newest]:
        if time.monotonic() > deadline:
            holders = [row[0] for row in await connection.fetch(HOLDERS, newest)]
            why = "; ".join(holders) or "the server keeps them"
            return Passed(len(before) - len(old), 0, [f"{len(old)} segments of the write-ahead log: {why}"])
        if switches > 0:
            switches -= 1
            await connection.execute(SWITCH)
        else:  # more of the log would only fill the disk
            await asyncio.sleep(LOOK_EVERY_S)
        await connection.execute("CHECKPOINT")
    overwritten = 0
    last = max(await _segments(connection))
    while await connection.fetchval(CURRENT) <= last:
        await connection.execute(SWITCH)
        overwritten += 1
    await connection.execute("CHECKPOINT")
    return Passed(len(before), overwritten)


async def _segments(connection: asyncpg.Connection) -> list[str]:
    return [row[0] for row in await connection.fetch(SEGMENTS)]
