"""Dead letters: events that a lane set aside, kept until an operator retries or discards them."""

from datetime import datetime

import asyncpg
from msgspec import Struct

from domain.room import RoomEvent
from domain.values import RoomId
from eventstore.values import Position, Version

READ = """
SELECT dead_letter_id, lane, position, room_id, version, reason, set_aside_at FROM dead_letters ORDER BY dead_letter_id
"""
READ_NEWEST = """
SELECT dead_letter_id, lane, position, room_id, version, reason, set_aside_at FROM dead_letters
ORDER BY dead_letter_id DESC LIMIT $1
"""
COUNT = "SELECT count(*) FROM dead_letters"
READ_ONE = """
SELECT dead_letter_id, lane, position, room_id, version, reason, set_aside_at FROM dead_letters
WHERE dead_letter_id = $1
"""
ADD = "INSERT INTO dead_letters (lane, position, room_id, version, reason) VALUES ($1, $2, $3, $4, $5)"
DELETE = "DELETE FROM dead_letters WHERE dead_letter_id = $1"


class DeadLetter(Struct, frozen=True):
    """One event that one lane did not publish, and why."""

    dead_letter_id: int
    lane: int
    position: Position
    room_id: RoomId
    version: Version
    reason: str
    set_aside_at: datetime


async def read_dead_letters(connection: asyncpg.Connection) -> list[DeadLetter]:
    """All dead letters, oldest first."""
    return [DeadLetter(*row) for row in await connection.fetch(READ)]


async def read_newest_dead_letters(limit: int, connection: asyncpg.Connection) -> tuple[list[DeadLetter], int]:
    """The newest dead letters, newest first, and the count of all."""
    letters = [DeadLetter(*row) for row in await connection.fetch(READ_NEWEST, limit)]
    return letters, await connection.fetchval(COUNT)


async def read_dead_letter(dead_letter_id: int, connection: asyncpg.Connection) -> DeadLetter | None:
    """One dead letter; None when it does not exist."""
    row = await connection.fetchrow(READ_ONE, dead_letter_id)
    return DeadLetter(*row) if row is not None else None


async def add_dead_letter(
    lane: int, event: RoomEvent, position: Position, reason: str, connection: asyncpg.Connection
) -> None:
    """Record an event that a lane could not publish, so that the lane can continue."""
    await connection.execute(ADD, lane, position, event.originator_id, event.originator_version, reason)


async def delete_dead_letter(dead_letter_id: int, connection: asyncpg.Connection) -> bool:
    """Delete a dead letter that was retried or discarded; return whether it existed."""
    return bool(await connection.execute(DELETE, dead_letter_id) != "DELETE 0")
