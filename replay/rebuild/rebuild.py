"""Rebuilding the read models while the service runs: fold into fresh tables, catch up, swap them with the live ones."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from eventstore import append_lock, checkpoints
from eventstore.log import LAST_POSITION
from eventstore.values import Position
from postgres import locks
from postgres.connect import SESSION, connect
from postgres.database import unavailable_is_one_error
from postgres.locks import try_schema_lock_for_transaction
from projections.readmodels import fold_version
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.tables import LIVE, TABLES
from replay.progress import Progress, Report
from replay.rebuild import shadow
from replay.rebuild.fold import Fold
from replay.rebuild.shadow import SHADOW, NotCarriedOver, NotOurs, TablesChanged

NEAR = 500
"""Events that may be left to fold under the append lock: some tens of milliseconds."""

PLANNED_AT = 10_000
"""Events after which statements are planned anew; and again after ten times as many, and so on."""

LOCK_WAIT = "100ms"
"""How long the swap may wait for readers to leave a table, and so how long it can hold up new ones."""

RETRY_S = 0.5

REBUILD_SESSION = {
    **SESSION,
    "application_name": "onrecord rebuild",
    "search_path": f"{SHADOW}, {LIVE}",
    "default_tablespace": "",  # of the database: fresh tables lie where the live ones do
    "synchronous_commit": "off",  # what a crash takes back is folded again; the swap itself waits for the disk
}


class RebuildRefused(Exception):
    """The rebuild stopped, and the live tables are as they were. The text says why."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A finished rebuild: the position at which the fresh tables went live, and how long others had to wait for it."""

    position: Position
    events: int
    resumed_at: Position
    seconds: float
    pause_s: float


async def rebuild(fold: Fold, dsn: str, report: Report, *, restart: bool = False) -> Rebuilt:
    """Fold the log from its beginning, or from where an interrupted rebuild stopped unless `restart`, and go live.

    It publishes nothing and does not stop readers and writers. When it is cancelled, the next one resumes where it
    stopped. The first report comes once it has begun. Raises RebuildRefused, StoreUnavailable.
    """
    started = time.perf_counter()
    async with _alone(fold, dsn) as connection:
        resumed_at = await _begin(fold, connection, restart=restart)
        report(Progress(resumed_at, await connection.fetchval(LAST_POSITION), 0))
        async with fold.in_bulk(connection):
            events = await _catch_up(fold, dsn, connection, report, 0)
        await _analyze(connection)
        while (gone_live := await _go_live(fold, connection)) is None:
            await asyncio.sleep(RETRY_S)
            events = await _catch_up(fold, dsn, connection, report, events)
        position, folded, pause_s = gone_live
        report(Progress(position, position, events + folded))
        return Rebuilt(position, events + folded, resumed_at, time.perf_counter() - started, pause_s)


async def cancel_rebuild(connection: asyncpg.Connection) -> bool:
    """End the rebuild that runs, in any process, as a lost connection would; returns whether there was one.

    The live tables stay as they are, and the next rebuild resumes where this one stopped.
    """
    return await locks.REBUILD.end_holder(connection)


@asynccontextmanager
async def _alone(fold: Fold, dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that holds the lock of rebuilds. Raises RebuildRefused when another one runs."""
    with unavailable_is_one_error():
        connection = await connect(dsn, REBUILD_SESSION | fold.session)
        try:
            if not await locks.REBUILD.try_take(connection):
                raise RebuildRefused("another rebuild is running")
            yield connection
        except (NotOurs, NotCarriedOver, TablesChanged) as error:
            raise RebuildRefused(str(error)) from error
        except asyncpg.InsufficientPrivilegeError as error:
            text = "this role may not change tables: run `onrecord projections rebuild` as the owner of the schema"
            raise RebuildRefused(text) from error
        except asyncpg.DependentObjectsStillExistError as error:
            raise RebuildRefused(f"something depends on the tables to be replaced: {error.detail}") from error
        finally:
            connection.terminate()


async def _begin(fold: Fold, connection: asyncpg.Connection, *, restart: bool) -> Position:
    """Make sure that there is a shadow that this program can fill, and return up to where it is filled."""
    if await fold_version.in_force(fold.name, connection, schema=LIVE) > RoomsProjection.version:
        raise RebuildRefused("a newer program made the live tables; rebuild with that one")
    await shadow.refuse_obstacles(connection)
    if await shadow.exists(connection) and (restart or not await _can_resume(connection)):
        await shadow.drop(connection)
    if not await shadow.exists(connection):
        await shadow.create(connection)
    return await checkpoints.read(fold.name, connection, schema=SHADOW)


async def _can_resume(connection: asyncpg.Connection) -> bool:
    return await shadow.is_usable(connection) and await shadow.survives_a_crash(connection)


async def _catch_up(fold: Fold, dsn: str, connection: asyncpg.Connection, report: Report, events: int) -> int:
    """Fold until little is left; returns `events` plus those that were folded.

    Statements are planned anew as the tables grow: a plan from when they were empty reads them whole for every page.
    """
    position: Position = await checkpoints.read(fold.name, connection, schema=SHADOW)
    planned = max(events, PLANNED_AT)
    while (head := await connection.fetchval(LAST_POSITION)) - position > NEAR:
        async with aclosing(fold.ahead(dsn, position, head, connection, checkpoints=True)) as pages:
            async for folded_to, folded in pages:
                events += folded
                report(Progress(folded_to, head, events))
                if events >= planned:
                    await _analyze(connection)
                    planned = events * 10
        position = head
    return events


async def _analyze(connection: asyncpg.Connection) -> None:
    for table in TABLES:
        await connection.execute(f"ANALYZE {SHADOW}.{table}")


async def _go_live(fold: Fold, connection: asyncpg.Connection) -> tuple[Position, int, float] | None:
    """Catch up under the append lock and swap the tables; None, and no change, when readers did not leave a table.

    Returns the position, the events folded, and the seconds for which appends and reads had to wait.
    """
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = on")
            if not await try_schema_lock_for_transaction(connection):
                return None  # the schema is being brought up to date
            await append_lock.take(connection)
            locked = time.perf_counter()
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            position = await checkpoints.read(fold.name, connection, schema=SHADOW)
            head = await connection.fetchval(LAST_POSITION)
            events = sum([folded async for _, folded in fold.between(position, head, connection, checkpoints=False)])
            await shadow.swap(connection)
            await checkpoints.move(fold.name, head, connection)
    except asyncpg.LockNotAvailableError:
        return None
    return head, events, time.perf_counter() - locked
