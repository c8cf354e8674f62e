"""The table of lanes: how far each has published the log, and what operators and failures say about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import asyncpg

from domain.room import RoomEvent

READ = "SELECT * FROM fanout_lanes WHERE lane = $1 AND layout = $2"
READ_ALL = "SELECT * FROM fanout_lanes ORDER BY lane"

MOVE = """
UPDATE fanout_lanes SET position = $3, moved_at = now() WHERE lane = $1 AND layout = $2 RETURNING *
"""
WAIT = "UPDATE fanout_lanes SET waits_at = $3 WHERE lane = $1 AND layout = $2 RETURNING *"
GO_ON_UNLESS_CHANGING = """
UPDATE fanout_lanes SET stop_at = NULL, waits_at = NULL
WHERE lane = $1 AND layout = $2 AND pg_try_advisory_xact_lock_shared($3, $4)
"""
HOLD = "UPDATE fanout_lanes SET holder = $2 WHERE lane = $1 RETURNING *"
FAIL = "UPDATE fanout_lanes SET failed_position = $3, failed_reason = $4 WHERE lane = $1 AND layout = $2 RETURNING *"
SET_ASIDE = """
INSERT INTO dead_letters (lane, position, room_id, version, reason) VALUES ($1, $2, $3, $4, $5)
"""

LOCK_CLASS = 0x6F6E7263  # "onrc": the first half of the advisory locks that lanes are held by; the second is the lane
CHANGING = 2**31 - 2
"""The number, beyond every lane's, of the lock held by the one who changes the number of lanes."""

PAUSE = "UPDATE fanout_lanes SET paused = true"
RESUME = "UPDATE fanout_lanes SET paused = false, failed_position = NULL, failed_reason = NULL"
SKIP = """
UPDATE fanout_lanes SET skip_position = $1, failed_position = NULL, failed_reason = NULL WHERE failed_position = $1
"""

TRY_LOCK = "SELECT pg_try_advisory_lock($1, $2)"
UNLOCK = "SELECT pg_advisory_unlock($1, $2)"
LOCK_SHARED = "SELECT pg_advisory_lock_shared($1, $2)"
COUNT_SHARED = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted AND classid = $1::bigint::oid AND objid = $2::bigint::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane as the table has it."""

    lane: int
    lanes: int
    layout: int
    position: int
    moved_at: datetime
    stop_at: int | None
    waits_at: int | None
    paused: bool
    failed_position: int | None
    failed_reason: str | None
    skip_position: int | None
    holder: str | None

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        return cls(**dict(row))

    @property
    def is_stopped(self) -> bool:
        """Whether it publishes nothing until somebody says so."""
        return self.paused or self.failed_position is not None

    @property
    def is_at_stop(self) -> bool:
        """Whether it has published all that it may before the number of lanes changes."""
        return self.stop_at is not None and self.position >= self.stop_at

    @property
    def name(self) -> str:
        """As people read and type it."""
        return f"fanout-{self.lane}"


class LayoutChanged(Exception):
    """The number of lanes is another now: what this process held is no lane any more."""


async def read_lanes(connection: asyncpg.Connection) -> list[LaneRow]:
    """All lanes, ascending."""
    return [LaneRow.of(row) for row in await connection.fetch(READ_ALL)]


async def read_lane(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """The lane as it is now. Raises LayoutChanged, as everything here that a lane calls."""
    return _still_there(await connection.fetchrow(READ, lane.lane, lane.layout))


async def move(lane: LaneRow, position: int, connection: asyncpg.Connection) -> LaneRow:
    """Save the checkpoint, over the connection that holds the lane's lock: who lost the lock cannot."""
    return _still_there(await connection.fetchrow(MOVE, lane.lane, lane.layout, position))


async def wait_at_stop(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """Say that the lane has published up to its stop, and that nothing is under way."""
    return _still_there(await connection.fetchrow(WAIT, lane.lane, lane.layout, lane.stop_at))


async def go_on_if_abandoned(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """The lane as it is now; told to go on when the one who told it to stop has died."""
    await connection.execute(GO_ON_UNLESS_CHANGING, lane.lane, lane.layout, LOCK_CLASS, CHANGING)
    return await read_lane(lane, connection)


async def fail(lane: LaneRow, position: int, reason: str, connection: asyncpg.Connection) -> LaneRow:
    """Record that the event at `position` stopped the lane."""
    return _still_there(await connection.fetchrow(FAIL, lane.lane, lane.layout, position, reason))


async def set_aside(
    lane: LaneRow, event: RoomEvent, position: int, reason: str, connection: asyncpg.Connection
) -> None:
    """Keep what could not be published, so that the lane may go on."""
    await connection.execute(SET_ASIDE, lane.lane, position, event.originator_id, event.originator_version, reason)


async def pause(connection: asyncpg.Connection) -> None:
    """Let no lane publish beyond what it has under way."""
    await connection.execute(PAUSE)


async def resume(connection: asyncpg.Connection) -> None:
    """Let all lanes go on, those that a failure stopped as well: they try the same event again."""
    await connection.execute(RESUME)


async def skip(position: int, connection: asyncpg.Connection) -> bool:
    """Let lanes that failed at `position` set that event aside and go on; answers whether there were any."""
    return bool(await connection.execute(SKIP, position) != "UPDATE 0")


async def try_hold(lane: int, holder: str, connection: asyncpg.Connection) -> LaneRow | None:
    """Take the lane for as long as `connection` lives; None when another process has it."""
    if not await connection.fetchval(TRY_LOCK, LOCK_CLASS, lane):
        return None
    row = await connection.fetchrow(HOLD, lane, holder)
    if row is None:
        await release(lane, connection)
        return None
    return LaneRow.of(row)


async def release(lane: int, connection: asyncpg.Connection) -> None:
    """Let others have it."""
    await connection.fetchval(UNLOCK, LOCK_CLASS, lane)


async def share(number: int, connection: asyncpg.Connection) -> None:
    """Hold a lock that others hold as well, for as long as `connection` lives."""
    await connection.fetchval(LOCK_SHARED, LOCK_CLASS, number)


async def count_shared(number: int, connection: asyncpg.Connection) -> int:
    """How many connections hold that lock."""
    return int(await connection.fetchval(COUNT_SHARED, LOCK_CLASS, number))


def _still_there(row: asyncpg.Record | None) -> LaneRow:
    if row is None:
        raise LayoutChanged
    return LaneRow.of(row)
