"""Read marks and unread counts: messages of others beyond a user's mark, or since they joined."""

import asyncpg
from msgspec import Struct

from domain.room.mentioning import EVERYONE
from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.database import Database
from projections.readmodels.queries import NotInRoom

MAX_COUNTED = 100
"""Unread messages are counted up to this many: a larger number helps no reader, and counting costs time."""


class Reading(Struct, frozen=True):
    """A user has read a room up to `version`. Between that and version `counted` are `unread` messages, at most 100
    of which are counted; `mentions` of them, as many at most, mention the user or everyone. Whether they muted the
    room, and how often they changed that: a reading with more changes is newer.
    """

    room_id: RoomId
    version: Version
    unread: int
    counted: Version
    mentions: int = 0
    is_muted: bool = False
    mute_changes: int = 0


READ_UP_TO = "greatest(stay.joined_version, mark.version)"

UNREAD = f"""(
    SELECT count(*) FROM (
        SELECT FROM messages
        WHERE messages.room_id = membership.room_id AND messages.version > membership.version AND messages.user_id <> $1
        LIMIT {MAX_COUNTED}
    ) AS message
) AS unread, (
    SELECT count(DISTINCT version) FROM (
        SELECT version FROM mentions JOIN messages USING (room_id, version)
        WHERE mentions.room_id = membership.room_id AND mentions.version > membership.version
            AND mentions.user_id IN ($1, {EVERYONE}) AND messages.user_id <> $1
        LIMIT {MAX_COUNTED}
    ) AS mention
) AS mentions"""

MUTED = "coalesce(muted.is_muted, false) AS is_muted, coalesce(muted.changes, 0) AS mute_changes"

IN_ROOMS = """
    FROM memberships AS stay JOIN rooms USING (room_id)
    LEFT JOIN read_marks AS mark ON mark.user_id = $1 AND mark.room_id = stay.room_id
    LEFT JOIN muted_rooms AS muted
        ON muted.user_id = $1 AND muted.room_id = stay.room_id AND muted.joined_version = stay.joined_version
    WHERE stay.user_id = $1 AND stay.left_version IS NULL"""
"""SQL: the rooms that the user is in, what they have read there, and whether they muted them."""

READINGS = f"""
SELECT membership.*, {UNREAD}
FROM (SELECT rooms.room_id, rooms.version AS counted, {READ_UP_TO} AS version, {MUTED} {IN_ROOMS}) AS membership
"""

READING = f"""
SELECT membership.*, {UNREAD}
FROM (
    SELECT rooms.room_id, rooms.version AS counted, {READ_UP_TO} AS version, {MUTED} {IN_ROOMS} AND stay.room_id = $2
) AS membership
"""

# A mark never moves back, even if an older request of another device arrives late.
MARK = f"""
WITH membership AS (
    SELECT rooms.room_id, rooms.version AS counted, mark.version AS before,
        greatest({READ_UP_TO}, least($3, rooms.version)) AS version, {MUTED}
    {IN_ROOMS} AND stay.room_id = $2
), moved AS (
    INSERT INTO read_marks (user_id, room_id, version) SELECT $1, room_id, version FROM membership
    ON CONFLICT (user_id, room_id) DO UPDATE SET version = excluded.version
    WHERE read_marks.version < excluded.version
)
SELECT membership.*, version IS DISTINCT FROM before AS has_moved, {UNREAD} FROM membership
"""


class ReadMarks:
    """The read marks of all users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, user_id: UserId) -> list[Reading]:
        """One reading for each room that the user is in."""
        return [reading(row) for row in await self._database.fetch(READINGS, user_id)]

    async def in_room(self, user_id: UserId, room_id: RoomId) -> Reading:
        """The reading for one room. Raises NotInRoom."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(READING, user_id, room_id)
        if row is None:
            raise NotInRoom
        return reading(row)

    async def move(self, user_id: UserId, room_id: RoomId, version: Version) -> tuple[Reading, bool]:
        """Record that the user has read the room up to `version`; return whether the mark moved. Raises NotInRoom."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(MARK, user_id, room_id, version)
        if row is None:
            raise NotInRoom
        return reading(row), row["has_moved"]


def reading(row: asyncpg.Record) -> Reading:
    counts = (row["unread"], row["counted"], row["mentions"])
    return Reading(row["room_id"], row["version"], *counts, row["is_muted"], row["mute_changes"])


async def remove(connection: asyncpg.Connection, user_id: UserId) -> None:
    """Remove the read marks of a user."""
    await connection.execute("DELETE FROM read_marks WHERE user_id = $1", user_id)
