"""Every projection: how far it is, how far behind, and who runs it."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime

import asyncpg
import msgspec
from msgspec import Struct

from eventstore.log import OCCURRED_AT
from postgres.database import Database
from projections.fanout.lane_table import LOCK_CLASS as LANE_LOCKS
from projections.fanout.lane_table import LaneRow, count_shared, read_lanes
from projections.fanout.worker import PRESENT
from projections.readmodels.blocked import stopped_by
from projections.readmodels.projection import RoomsProjection
from replay.rebuild import shadow
from replay.rebuild.fold import HEAD, LIVE_CHECKPOINT, create_log
from replay.rebuild.rebuild import CHECKPOINT as REBUILD_CHECKPOINT
from replay.rebuild.rebuild import LOCK_CLASS as REBUILD_LOCKS

LAG = f"""
SELECT
    (SELECT count(*) FROM (SELECT FROM stored_events WHERE notification_id > $1 LIMIT $2) AS beyond),
    (SELECT {OCCURRED_AT} FROM stored_events WHERE notification_id > $1 ORDER BY notification_id LIMIT 1)
"""
COUNTED = 10_000
"""Events that are counted to say how far behind a projection is; one further behind is so by as many positions."""

IS_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock'
        AND classid = $1::bigint::oid AND objid = $2::bigint::oid
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


class Status(Struct, frozen=True):
    """One projection. `lag_s` is the age of the oldest event that it lacks; `holder` is None where nobody runs it.

    `lag_events` is exact up to 10,000, and beyond them counts positions. `events_per_s` is what it moved on while
    somebody looked, in positions. `state` is `running`, `idle` (no process is there to run it), `not held` (there are
    some, and none does), `paused`, `stopped` (on an error; a lane by the event at `failed_position`), `rebuilding` or
    `interrupted`.
    """

    projection: str
    lifecycle: str
    state: str
    checkpoint: int
    head: int
    lag_events: int
    lag_s: float
    events_per_s: float | None = None
    holder: str | None = None
    reason: str | None = None
    failed_position: int | None = None

    def is_healthy(self, lag_limit_s: float) -> bool:
        """An interrupted rebuild is no illness: the live tables are as they were.

        A lane whose process has died is `not held` until another takes it, within a second or two.
        """
        if self.lifecycle == "rebuild":
            return True
        return self.state not in ("stopped", "not held") and self.lag_s <= lag_limit_s


async def watch_status(database: Database, seconds: float) -> list[Status]:
    """The status of everything, with the rates of the `seconds` until then."""
    started = time.monotonic()
    before = {(each.projection, each.lifecycle): each.checkpoint for each in await read_status(database)}
    await asyncio.sleep(seconds)
    after = await read_status(database)
    elapsed_s = time.monotonic() - started
    return [
        msgspec.structs.replace(
            each, events_per_s=(each.checkpoint - before.get((each.projection, each.lifecycle), 0)) / elapsed_s
        )
        for each in after
    ]


async def read_status(database: Database) -> list[Status]:
    """The inline projection, the lanes of the fan-out, and the rebuild where one has begun."""
    async with database.connection() as connection:
        found = [await _inline(connection)]
        found.extend([await _lane(row, connection) for row in await read_lanes(connection)])
        if await shadow.exists(connection):
            with contextlib.suppress(asyncpg.UndefinedTableError):  # it goes live at this moment
                found.append(await _rebuild(connection))
        return found


async def _inline(connection: asyncpg.Connection) -> Status:
    """It runs inside every append, so it is always as far as the last writer, or every writer has stopped."""
    position = await connection.fetchval(LIVE_CHECKPOINT, RoomsProjection.name)
    reason = await stopped_by(create_log(), connection)
    state = "running" if reason is None else "stopped"
    return await _status(
        RoomsProjection.name, "inline", state, position, connection, holder="every writer", reason=reason
    )


async def _lane(row: LaneRow, connection: asyncpg.Connection) -> Status:
    is_held = await connection.fetchval(IS_HELD, LANE_LOCKS, row.lane)
    processes = await count_shared(PRESENT, connection)
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
    is_held = await connection.fetchval(IS_HELD, REBUILD_LOCKS, 0)
    position = await connection.fetchval(REBUILD_CHECKPOINT, RoomsProjection.name)
    state = "rebuilding" if is_held else "interrupted"
    return await _status(RoomsProjection.name, "rebuild", state, position, connection)


async def _status(
    name: str,
    lifecycle: str,
    state: str,
    position: int,
    connection: asyncpg.Connection,
    *,
    holder: str | None = None,
    reason: str | None = None,
) -> Status:
    head = await connection.fetchval(HEAD)
    lag_events, oldest = await connection.fetchrow(LAG, position, COUNTED)
    if lag_events == COUNTED:
        lag_events = max(COUNTED, head - position)
    lag_s = (datetime.now(UTC) - oldest).total_seconds() if oldest is not None else 0.0
    return Status(name, lifecycle, state, position, head, lag_events, max(0.0, lag_s), holder=holder, reason=reason)
