"""Rebuilding the read models beside live traffic: fold into fresh tables, catch up, exchange, all without a stop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from eventstore.append import MOVE_CHECKPOINT
from postgres.database import SESSION, unavailable_is_one_error
from projections.readmodels.projection import TABLES
from replay.rebuild import shadow
from replay.rebuild.fold import HEAD, Progress, Report, fold_ahead, fold_between, projection
from replay.rebuild.shadow import SHADOW

LOCK_CLASS = 0x6F6E7262
"""The first half of the advisory lock that a rebuild holds while it runs."""

NEAR = 500
"""Events that may be left to fold under the append lock: some tens of milliseconds."""

LOCK_WAIT = "100ms"
"""How long the exchange may wait for readers to leave a table, and so how long it can hold up those that come."""

RETRY_S = 0.5

CHECKPOINT = f"SELECT coalesce((SELECT position FROM {SHADOW}.checkpoints WHERE projection = $1), 0)"

REBUILD_SESSION = {
    **SESSION,
    "application_name": "onrecord rebuild",
    "search_path": f"{SHADOW}, public",
    "synchronous_commit": "off",  # what a crash takes back is folded again; the exchange itself waits for the disk
}


CANCEL = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = $1::bigint::oid AND objid = 0
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class RebuildRefused(Exception):
    """The rebuild cannot go on, and the live tables are as they were. The text says why."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A finished rebuild: the position at which the fresh tables went live, and for how long that held others up."""

    position: int
    events: int
    resumed_at: int
    seconds: float
    pause_s: float


async def rebuild(dsn: str, report: Report, *, restart: bool = False) -> Rebuilt:
    """Fold the log from its beginning, or from where an interrupted rebuild came to unless `restart`, and go live.

    Nothing is published, readers and writers go on. Cancelled, it leaves what it has for the next one. It reports once
    it has begun, and then as it goes. Raises RebuildRefused, StoreUnavailable.
    """
    started = time.perf_counter()
    async with _alone(dsn) as connection:
        resumed_at = await _begin(connection, restart=restart)
        report(Progress(resumed_at, await connection.fetchval(HEAD), 0))
        events = await _catch_up(dsn, connection, report, 0)
        for table in TABLES:
            await connection.execute(f"ANALYZE {SHADOW}.{table}")
        while (gone_live := await _go_live(connection)) is None:
            await asyncio.sleep(RETRY_S)
            events = await _catch_up(dsn, connection, report, events)
        position, folded, pause_s = gone_live
        report(Progress(position, position, events + folded))
        return Rebuilt(position, events + folded, resumed_at, time.perf_counter() - started, pause_s)


async def cancel_rebuild(connection: asyncpg.Connection) -> bool:
    """End the rebuild that runs, in whichever process, as a lost connection would; answers whether there was one.

    The live tables stay as they are, and the next rebuild goes on from there.
    """
    return bool(await connection.fetch(CANCEL, LOCK_CLASS))


@asynccontextmanager
async def _alone(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that holds the lock of which there is one; the lock goes when the connection does."""
    with unavailable_is_one_error():
        connection = await asyncpg.connect(dsn, server_settings=REBUILD_SESSION)
        try:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1, 0)", LOCK_CLASS):
                raise RebuildRefused("another rebuild is running")
            yield connection
        except asyncpg.DependentObjectsStillExistError as error:
            raise RebuildRefused(f"something depends on the tables to be replaced: {error.detail}") from error
        finally:
            connection.terminate()


async def _begin(connection: asyncpg.Connection, *, restart: bool) -> int:
    """Make sure that there is a shadow, and answer how far it has folded."""
    if await shadow.exists(connection) and (restart or not await shadow.is_ours(connection)):
        await shadow.drop(connection)
    if not await shadow.exists(connection):
        await shadow.create(connection)
    return int(await connection.fetchval(CHECKPOINT, projection.name))


async def _catch_up(dsn: str, connection: asyncpg.Connection, report: Report, events: int) -> int:
    """Fold until little is left; answers `events` and those that were folded."""
    position = await connection.fetchval(CHECKPOINT, projection.name)
    while (head := await connection.fetchval(HEAD)) - position > NEAR:
        async with aclosing(fold_ahead(dsn, position, head, connection, checkpoints=True)) as pages:
            async for folded_to, folded in pages:
                events += folded
                report(Progress(folded_to, head, events))
        position = head
    return events


async def _go_live(connection: asyncpg.Connection) -> tuple[int, int, float] | None:
    """Catch up under the append lock and exchange; None when readers were in the way, and nothing is changed then.

    Answers the position, the events folded, and the seconds for which appends and reads had to wait.
    """
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = on")
            await connection.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            locked = time.perf_counter()
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            position, head = await connection.fetchval(CHECKPOINT, projection.name), await connection.fetchval(HEAD)
            events = sum([folded async for _, folded in fold_between(position, head, connection, checkpoints=False)])
            await connection.execute("SET LOCAL search_path = public")
            await shadow.exchange(connection)
            await connection.execute(MOVE_CHECKPOINT, projection.name, head)
    except asyncpg.LockNotAvailableError:
        return None
    return head, events, time.perf_counter() - locked
