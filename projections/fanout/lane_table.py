"""The table of lanes: each lane's checkpoint, failure, pause and holder."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self

import asyncpg

from eventstore.errors import LogRestarted
from eventstore.generation import Anchor
from eventstore.log import LAST_POSITION
from eventstore.values import Position
from postgres import locks

READ = "SELECT * FROM fanout_lanes WHERE lane = $1 AND layout = $2"
READ_ALL = "SELECT * FROM fanout_lanes ORDER BY lane"

# A lane moves only in the log that it read: the one that contains what its process remembers.
SAVE_CHECKPOINT = """
UPDATE fanout_lanes SET position = $3, moved_at = now(), anchor_position = $3, anchor_hash = log_hash($3)
WHERE lane = $1 AND layout = $2
    AND (SELECT contains AND generation = $4 FROM look_at_log($5, $6))
RETURNING *
"""
IS_IN_LOG = f"""
SELECT position <= ({LAST_POSITION}) AND log_contains(coalesce(anchor_position, 0), coalesce(anchor_hash, ''::bytea))
FROM fanout_lanes WHERE lane = $1 AND layout = $2
"""
MOVE_TO_HEAD = f"""
UPDATE fanout_lanes SET
    position = head, moved_at = now(), anchor_position = head, anchor_hash = log_hash(head),
    failed_position = NULL, failed_reason = NULL, skip_position = NULL, stop_at = NULL, waits_at = NULL
FROM ({LAST_POSITION}) AS log (head)
WHERE lane = $1 AND layout = $2 RETURNING fanout_lanes.*
"""
SAVE_GENERATION = "UPDATE fanout_lanes SET generation = $3 WHERE lane = $1 AND layout = $2 RETURNING *"
WAIT = "UPDATE fanout_lanes SET waits_at = $3 WHERE lane = $1 AND layout = $2 RETURNING *"
CLEAR_STOP_UNLESS_RESIZING = """
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

SKIP_TO = """
UPDATE fanout_lanes SET position = $1, anchor_position = $1, anchor_hash = log_hash($1) WHERE position < $1
"""

LOCK_ROWS = "SELECT * FROM fanout_lanes ORDER BY lane FOR UPDATE"
STOP_ALL_AT = "UPDATE fanout_lanes SET stop_at = $1, waits_at = NULL WHERE stop_at IS DISTINCT FROM $1"
CLEAR_STOPS = "UPDATE fanout_lanes SET stop_at = NULL, waits_at = NULL"
REMOVE_ALL = "DELETE FROM fanout_lanes"
ADD = """
INSERT INTO fanout_lanes (lane, lanes, layout, position, paused, generation, anchor_position, anchor_hash)
SELECT lane, $1, $2, $3, $4, log.generation, $3, log_hash($3)
FROM generate_series(0, $1 - 1) AS lane, log_generation AS log
"""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A row of the table."""

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
    generation: int

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        return cls(**{field.name: row[field.name] for field in fields(cls)})

    @property
    def is_stopped(self) -> bool:
        """Whether it publishes nothing until an operator resumes it."""
        return self.paused or self.failed_position is not None

    @property
    def is_at_stop(self) -> bool:
        """Whether it has published up to the position where the number of lanes changes."""
        return self.stop_at is not None and self.position >= self.stop_at

    @property
    def name(self) -> str:
        """The name in logs, pages and commands."""
        return f"fanout-{self.lane}"


class LayoutChanged(Exception):
    """The lane layout changed; this lane no longer exists."""


async def read_lanes(connection: asyncpg.Connection) -> list[LaneRow]:
    """All lanes, ascending."""
    return [LaneRow.of(row) for row in await connection.fetch(READ_ALL)]


async def read_lane(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """The lane's current row. Raises LayoutChanged, as does every function here that takes a LaneRow."""
    return _existing(await connection.fetchrow(READ, lane.lane, lane.layout))


async def save_checkpoint(lane: LaneRow, position: Position, known: Anchor, connection: asyncpg.Connection) -> LaneRow:
    """Save the checkpoint, over the connection that holds the lane's lock: a process that lost it cannot.

    Raises LogRestarted when the log is not the one that contains `known`: then the checkpoint stays where it is.
    """
    row = await connection.fetchrow(
        SAVE_CHECKPOINT, lane.lane, lane.layout, position, known.generation, known.position, known.hash
    )
    if row is None:
        await read_lane(lane, connection)
        raise LogRestarted("the log went back")
    return LaneRow.of(row)


async def is_in_log(lane: LaneRow, connection: asyncpg.Connection) -> bool:
    """Whether the lane's checkpoint is of the log as it is."""
    is_in = await connection.fetchval(IS_IN_LOG, lane.lane, lane.layout)
    if is_in is None:
        raise LayoutChanged
    return bool(is_in)


async def move_to_head(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """Let the lane continue from the newest event. An event that stopped it is no longer in the log."""
    return _existing(await connection.fetchrow(MOVE_TO_HEAD, lane.lane, lane.layout))


async def save_generation(lane: LaneRow, generation: int, connection: asyncpg.Connection) -> LaneRow:
    """Record that the lane told its users about this generation of the log."""
    return _existing(await connection.fetchrow(SAVE_GENERATION, lane.lane, lane.layout, generation))


async def wait_at_stop(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """Record that the lane has published up to its stop and has nothing in flight."""
    return _existing(await connection.fetchrow(WAIT, lane.lane, lane.layout, lane.stop_at))


async def clear_stop_if_abandoned(lane: LaneRow, connection: asyncpg.Connection) -> LaneRow:
    """The lane's current row; its stop is cleared when the process that was changing the layout has died."""
    changing = locks.NUMBER_OF_LANES
    await connection.execute(CLEAR_STOP_UNLESS_RESIZING, lane.lane, lane.layout, changing.group, changing.number)
    return await read_lane(lane, connection)


async def fail(lane: LaneRow, position: Position, reason: str, connection: asyncpg.Connection) -> LaneRow:
    """Record that the event at `position` stopped the lane."""
    return _existing(await connection.fetchrow(FAIL, lane.lane, lane.layout, position, reason))


async def pause(connection: asyncpg.Connection) -> None:
    """Stop all lanes after the publications in flight."""
    await connection.execute(PAUSE)


async def resume(connection: asyncpg.Connection) -> None:
    """Resume all lanes; those that a failure stopped try the same event again."""
    await connection.execute(RESUME)


async def skip(position: Position, connection: asyncpg.Connection) -> bool:
    """Let lanes that failed at `position` set that event aside and continue; return whether there were any."""
    return bool(await connection.execute(SKIP, position) != "UPDATE 0")


async def try_hold(lane: int, holder: str, connection: asyncpg.Connection) -> LaneRow | None:
    """Hold the lane as long as `connection` lives; None when another process holds it."""
    lock = locks.lane(lane)
    if not await lock.try_take(connection):
        return None
    row = await connection.fetchrow(HOLD, lane, holder)
    if row is None:
        await lock.release(connection)
        return None
    return LaneRow.of(row)


async def skip_to(position: Position, connection: asyncpg.Connection) -> None:
    """Publish nothing up to `position`: lanes behind it continue from there."""
    await connection.execute(SKIP_TO, position)


async def lock_lanes(connection: asyncpg.Connection) -> list[LaneRow]:
    """All lanes, ascending, their rows locked until the caller's transaction ends."""
    return [LaneRow.of(row) for row in await connection.fetch(LOCK_ROWS)]


async def stop_all_at(position: Position, connection: asyncpg.Connection) -> None:
    """Make every lane publish up to `position` and wait there."""
    await connection.execute(STOP_ALL_AT, position)


async def clear_stops(connection: asyncpg.Connection) -> None:
    """Undo `stop_all_at`."""
    await connection.execute(CLEAR_STOPS)


async def replace_all(
    number: int, connection: asyncpg.Connection, *, layout: int, position: Position, paused: bool
) -> None:
    """Replace the lanes with `number` lanes of a new layout, all at `position`."""
    await connection.execute(REMOVE_ALL)
    await connection.execute(ADD, number, layout, position, paused)


def _existing(row: asyncpg.Record | None) -> LaneRow:
    if row is None:
        raise LayoutChanged
    return LaneRow.of(row)
