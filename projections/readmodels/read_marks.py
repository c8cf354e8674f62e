"""What a user has not read yet: messages of others since they joined or last looked, on whichever device."""

import asyncpg
from msgspec import Struct

from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.database import Database
from projections.readmodels.queries import NotInRoom

MOST = 100
"""Unread messages are counted up to this many: beyond it nobody reads the number, and counting costs."""


class Reading(Struct, frozen=True):
    """How far the user has read a room: up to `version`, of which `unread` messages (at most 100) in the versions up to
    `counted` are not.
    """

    room_id: RoomId
    version: Version
    unread: int
    counted: Version


READ_UP_TO = "greatest(stay.joined_version, mark.version)"

UNREAD = f"""(
    SELECT count(*) FROM (
        SELECT FROM messages
        WHERE messages.room_id = seat.room_id AND messages.version > seat.version AND messages.user_id <> $1
        LIMIT {MOST}
    ) AS message
) AS unread"""

READINGS = f"""
SELECT seat.*, {UNREAD}
FROM (
    SELECT rooms.room_id, rooms.version AS counted, {READ_UP_TO} AS version
    FROM memberships AS stay JOIN rooms USING (room_id)
    LEFT JOIN read_marks AS mark ON mark.user_id = $1 AND mark.room_id = stay.room_id
    WHERE stay.user_id = $1 AND stay.left_version IS NULL
) AS seat
"""

# A mark never moves back, whichever of several devices is late.
MARK = f"""
WITH seat AS (
    SELECT rooms.room_id, rooms.version AS counted, mark.version AS before,
        greatest({READ_UP_TO}, least($3, rooms.version)) AS version
    FROM memberships AS stay JOIN rooms USING (room_id)
    LEFT JOIN read_marks AS mark ON mark.user_id = $1 AND mark.room_id = stay.room_id
    WHERE stay.user_id = $1 AND stay.room_id = $2 AND stay.left_version IS NULL
), moved AS (
    INSERT INTO read_marks (user_id, room_id, version) SELECT $1, room_id, version FROM seat
    ON CONFLICT (user_id, room_id) DO UPDATE SET version = excluded.version
    WHERE read_marks.version < excluded.version
)
SELECT room_id, counted, version, version IS DISTINCT FROM before AS has_moved, {UNREAD} FROM seat
"""


class ReadMarks:
    """The table of marks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, user_id: UserId) -> list[Reading]:
        """One for each room that the user is in."""
        return [reading(row) for row in await self._database.fetch(READINGS, user_id)]

    async def move(self, user_id: UserId, room_id: RoomId, version: Version) -> tuple[Reading, bool]:
        """Note that the user has read the room up to `version`; answers whether the mark moved. Raises NotInRoom."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(MARK, user_id, room_id, version)
        if row is None:
            raise NotInRoom
        return reading(row), row["has_moved"]


def reading(row: asyncpg.Record) -> Reading:
    return Reading(row["room_id"], row["version"], row["unread"], row["counted"])
