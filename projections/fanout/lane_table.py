"""The table of lanes: how far each has published the log, and what operators and failures say about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import asyncpg

from eventstore.values import Position
from postgres import locks

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

PAUSE = "UPDATE fanout_lanes SET paused = true"
RESUME = "UPDATE fanout_lanes SET paused = false, failed_position = NULL, failed_reason = NULL"
SKIP = """
UPDATE fanout_lanes SET skip_position = $1, failed_position = NULL, failed_reason = NULL WHERE failed_position = $1
"""

MOVE_AHEAD = "UPDATE fanout_lanes SET position = $1 WHERE position < $1"

LOCK_ROWS = "SELECT * FROM fanout_lanes ORDER BY lane FOR UPDATE"
STOP_ALL_AT = "UPDATE fanout_lanes SET stop_at = $1, waits_at = NULL WHERE stop_at IS DISTINCT FROM $1"
GO_ON = "UPDATE fanout_lanes SET stop_at = NULL, waits_at = NULL"
REMOVE_ALL = "DELETE FROM fanout_lanes"
ADD = """
INSERT INTO fanout_lanes (lane, lanes, layout, position, paused)
SELECT lane, $1, $2, $3, $4 FROM generate_series(0, $1 - 1) AS lane
"""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane as the table has it."""

    lane: int
    lanes: int
    layout: int
    position: Position
    moved_at: datetime
    stop_at: Position | None
    waits_at: Position | None
    paused: bool
    failed_position: Position | None
    failed_reason: str | None
    skip_position: Position | None
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


async def move(lane: LaneRow, position: Position, connection: asyncpg.Connection) -> LaneRow:
    """Save the checkpoint, over the connection that holds the lane's lock: who lost the lock cannot."""
    return _still_there(await connection.fetchrow(MOVE, lane.lane, lane.layout, position))


async def wait_at_stop(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """Say that the lane has published up to its stop, and that nothing is under way."""
    return _still_there(await connection.fetchrow(WAIT, lane.lane, lane.layout, lane.stop_at))


async def go_on_if_abandoned(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """The lane as it is now; told to go on when the one who told it to stop has died."""
    changing = locks.NUMBER_OF_LANES
    await connection.execute(GO_ON_UNLESS_CHANGING, lane.lane, lane.layout, changing.group, changing.number)
    return await read_lane(lane, connection)


async def fail(lane: LaneRow, position: Position, reason: str, connection: asyncpg.Connection) -> LaneRow:
    """Record that the event at `position` stopped the lane."""
    return _still_there(await connection.fetchrow(FAIL, lane.lane, lane.layout, position, reason))


async def pause(connection: asyncpg.Connection) -> None:
    """Let no lane publish beyond what it has under way."""
    await connection.execute(PAUSE)


async def resume(connection: asyncpg.Connection) -> None:
    """Let all lanes go on, those that a failure stopped as well: they try the same event again."""
    await connection.execute(RESUME)


async def skip(position: Position, connection: asyncpg.Connection) -> bool:
    """Let lanes that failed at `position` set that event aside and go on; answers whether there were any."""
    return bool(await connection.execute(SKIP, position) != "UPDATE 0")


async def try_hold(lane: int, holder: str, connection: asyncpg.Connection) -> LaneRow | None:
    """Take the lane for as long as `connection` lives; None when another process has it."""
    lock = locks.lane(lane)
    if not await lock.try_take(connection):
        return None
    row = await connection.fetchrow(HOLD, lane, holder)
    if row is None:
        await lock.release(connection)
        return None
    return LaneRow.of(row)


async def move_ahead(position: Position, connection: asyncpg.Connection) -> None:
    """Let no lane publish anything up to `position`: those that are before it begin there."""
    await connection.execute(MOVE_AHEAD, position)


async def lock_lanes(connection: asyncpg.Connection) -> list[LaneRow]:
    """All lanes, ascending; until the caller's transaction ends, nothing else changes a row of theirs."""
    return [LaneRow.of(row) for row in await connection.fetch(LOCK_ROWS)]


async def stop_all_at(position: Position, connection: asyncpg.Connection) -> None:
    """Let every lane publish up to `position` and wait there."""
    await connection.execute(STOP_ALL_AT, position)


async def let_all_go_on(connection: asyncpg.Connection) -> None:
    """Take back what `stop_all_at` said."""
    await connection.execute(GO_ON)


async def replace_all(
    number: int, connection: asyncpg.Connection, *, layout: int, position: Position, paused: bool
) -> None:
    """Put `number` lanes of a new layout in the place of those that are there, all at `position`."""
    await connection.execute(REMOVE_ALL)
    await connection.execute(ADD, number, layout, position, paused)


def _still_there(row: asyncpg.Record | None) -> LaneRow:
    if row is None:
        raise LayoutChanged
    return LaneRow.of(row)
