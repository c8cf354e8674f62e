"""Publications that were refused for good and set aside, for people to look at."""

from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

READ = """
SELECT dead_letter_id, lane, position, room_id, version, reason, set_aside_at FROM dead_letters ORDER BY dead_letter_id
"""


class DeadLetter(Struct, frozen=True):
    """One event that one lane did not publish, and why."""

    dead_letter_id: int
    lane: int
    position: int
    room_id: UUID
    version: int
    reason: str
    set_aside_at: datetime


async def read_dead_letters(connection: asyncpg.Connection) -> list[DeadLetter]:
    """All of them, oldest first."""
    return [DeadLetter(*row) for row in await connection.fetch(READ)]
