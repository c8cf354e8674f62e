"""The status of every projection: its checkpoint, its lag and its holder."""

import asyncio
import contextlib
import time

import asyncpg
import msgspec
from msgspec import Struct

from eventstore import checkpoints
from eventstore.log import LAST_POSITION, OCCURRED_AT, TABLE, Log
from eventstore.values import Position
from postgres import locks
from postgres.database import Database
from projections.fanout.lane_table import LaneRow, read_lanes
from projections.readmodels.blocked import stopped_by
from projections.readmodels.projection import RoomsProjection
from replay.rebuild import shadow

LAG = f"""
SELECT
    (SELECT count(*) FROM (SELECT FROM {TABLE} WHERE notification_id > $1 LIMIT $2) AS beyond),
    (SELECT {OCCURRED_AT} FROM {TABLE} WHERE notification_id > $1 ORDER BY notification_id LIMIT 1),
    CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_xact_replay_timestamp(), now()) ELSE now() END
"""
"""How many events a projection lacks, the time of the oldest, and what time it is: on a standby, the time of the last
commit that it knows of. Its primary may have published an event that the standby only heard of as recorded.
"""
COUNTED = 10_000
"""A lag is counted in events up to this many; beyond it, in positions."""


class Status(Struct, frozen=True):
    """One projection. `lag_s` is the age of the oldest event that it lacks; `holder` is None when no process runs it.

    `lag_events` is exact up to 10,000; beyond that it counts positions. `events_per_s` is how fast the checkpoint moved
    while it was watched, in positions. `state` is `running`, `idle` (no fan-out process exists), `not held` (processes
    exist, but none holds the lane), `paused`, `stopped` (by an error; a lane by the event at `failed_position`),
    `rebuilding` or `interrupted`.
    """

    projection: str
    lifecycle: str
    state: str
    checkpoint: Position
    head: Position
    lag_events: int
    lag_s: float
    events_per_s: float | None = None
    holder: str | None = None
    reason: str | None = None
    failed_position: Position | None = None

    def is_healthy(self, lag_limit_s: float) -> bool:
        """An interrupted rebuild does not count as unhealthy: the live tables are unchanged.

        A lane whose process has died is `not held` until another takes it, within a second or two.
        """
        if self.lifecycle == "rebuild":
            return True
        return self.state not in ("stopped", "not held") and self.lag_s <= lag_limit_s


async def watch_status(database: Database, log: Log, seconds: float) -> list[Status]:
    """Watch for some seconds; return every status with its rate."""
    started = time.monotonic()
    before = {(each.projection, each.lifecycle): each.checkpoint for each in await read_status(database, log)}
    await asyncio.sleep(seconds)
    after = await read_status(database, log)
    elapsed_s = time.monotonic() - started
    return [
        msgspec.structs.replace(
            each, events_per_s=(each.checkpoint - before.get((each.projection, each.lifecycle), 0)) / elapsed_s
        )
        for each in after
    ]


async def read_status(database: Database, log: Log) -> list[Status]:
    """The inline projection, the lanes of the fan-out, and the rebuild if one has begun."""
    async with database.connection() as connection:
        found = [await _inline(log, connection)]
        found.extend([await _lane(row, connection) for row in await read_lanes(connection)])
        if await shadow.exists(connection):
            with contextlib.suppress(asyncpg.UndefinedTableError):  # the shadow was just swapped
                found.append(await _rebuild(connection))
        return found


async def _inline(log: Log, connection: asyncpg.Connection) -> Status:
    """It runs inside every append, so it is up to date, unless an event stops all writers."""
    position = await checkpoints.read(RoomsProjection.name, connection)
    reason = await stopped_by(log, connection)
    state = "running" if reason is None else "stopped"
    return await _status(
        RoomsProjection.name, "inline", state, position, connection, holder="every writer", reason=reason
    )


async def _lane(row: LaneRow, connection: asyncpg.Connection) -> Status:
    is_held = await locks.lane(row.lane).is_taken(connection)
    processes = await locks.PUBLISHING.count_shared(connection)
    state, reason = "running", None
    if row.paused:
        state = "paused"
    elif not is_held:
        state, reason = ("not held", f"processes that could hold it: {processes}") if processes else ("idle", None)
    if row.failed_position is not None:
        state, reason = "stopped", f"position {row.failed_position}: {row.failed_reason}"
    holder = row.holder if is_held else None
    status = await _status(row.name, "subscriber", state, row.position, connection, holder=holder, reason=reason)
    return msgspec.structs.replace(status, failed_position=row.failed_position)


async def _rebuild(connection: asyncpg.Connection) -> Status:
    is_held = await locks.REBUILD.is_taken(connection)
    position = await checkpoints.read(RoomsProjection.name, connection, schema=shadow.SHADOW)
    state = "rebuilding" if is_held else "interrupted"
    return await _status(RoomsProjection.name, "rebuild", state, position, connection)


async def _status(
    name: str,
    lifecycle: str,
    state: str,
    position: Position,
    connection: asyncpg.Connection,
    *,
    holder: str | None = None,
    reason: str | None = None,
) -> Status:
    head = await connection.fetchval(LAST_POSITION)
    lag_events, lag_s = await read_lag(position, head, connection)
    return Status(name, lifecycle, state, position, head, lag_events, lag_s, holder=holder, reason=reason)


async def read_lag(position: Position, head: Position, connection: asyncpg.Connection) -> tuple[int, float]:
    """How many events follow `position` in a log that ends at `head`, and the age of the oldest of them in seconds.

    Exact up to 10,000 events; beyond that, positions are counted.
    """
    events, oldest, at = await connection.fetchrow(LAG, position, COUNTED)
    if events == COUNTED:
        events = max(COUNTED, head - position)
    return events, max(0.0, (at - oldest).total_seconds()) if oldest is not None else 0.0
