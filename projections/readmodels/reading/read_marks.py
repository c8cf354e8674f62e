"""Read marks and unread counts: messages of others beyond a user's mark, or since they joined.

They are differences of counts that are kept: of a room's messages, of each author's, and of both up to each mark.
"""

from collections.abc import Collection

import asyncpg
from msgspec import Struct

from domain.room.mentioning import EVERYONE
from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.database import Database
from projections.readmodels.queries import NotInRoom

MAX_COUNTED = 100
"""Unread messages are counted up to this many: a larger number helps no reader."""


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


MUTED = "coalesce(muted.is_muted, false) AS is_muted, coalesce(muted.changes, 0) AS mute_changes"

# A mark from before the user joined again counts no more: then nothing is read since the join.
MEMBERSHIP = f"""
    SELECT
        rooms.room_id, rooms.version AS counted, rooms.message_count, coalesce(authors.message_count, 0) AS own_count,
        mark.version AS marked, {MUTED}, up_to.*
    FROM memberships AS stay JOIN rooms USING (room_id)
    LEFT JOIN authors ON authors.room_id = stay.room_id AND authors.user_id = $1
    LEFT JOIN read_marks AS mark ON mark.user_id = $1 AND mark.room_id = stay.room_id
    LEFT JOIN muted_rooms AS muted
        ON muted.user_id = $1 AND muted.room_id = stay.room_id AND muted.joined_version = stay.joined_version
    CROSS JOIN LATERAL (
        SELECT mark.version, mark.messages, mark.own WHERE mark.version > stay.joined_version
        UNION ALL
        SELECT stay.joined_version, stay.messages_before, 0 WHERE (mark.version > stay.joined_version) IS NOT TRUE
    ) AS up_to (version, messages, own)
    WHERE stay.user_id = $1 AND stay.left_version IS NULL"""
"""SQL: the rooms that the user is in, up to which version they have read there, and how many messages, their own too,
there are up to that version and in all; whether they muted the room.
"""

READING = f"""
SELECT reading.*, CASE WHEN unread > 0 THEN (
    SELECT count(DISTINCT version) FROM (
        SELECT version FROM mentions JOIN messages USING (room_id, version)
        WHERE mentions.room_id = reading.room_id AND mentions.version > reading.version
            AND mentions.user_id IN ($1, {EVERYONE}) AND messages.user_id <> $1
        LIMIT {MAX_COUNTED}
    ) AS mention
) ELSE 0 END AS mentions
FROM (
    SELECT
        room_id, version, counted, is_muted, mute_changes, marked,
        least({MAX_COUNTED}, message_count - messages - (own_count - own)) AS unread
    FROM membership
) AS reading
"""
"""SQL: the reading of each membership. No message is looked at: unread are as many as the room has, less those up to
the mark, less the user's own beyond it.
"""

OF_ALL = f"WITH membership AS NOT MATERIALIZED ({MEMBERSHIP}) {READING}"
OF_SOME = f"WITH membership AS NOT MATERIALIZED ({MEMBERSHIP} AND stay.room_id = ANY($2)) {READING}"
OF_ONE = f"WITH membership AS NOT MATERIALIZED ({MEMBERSHIP} AND stay.room_id = $2) {READING}"

# A mark never moves back, even if an older request of another device arrives late. What is between two marks is counted
# from the nearer end: from the mark before, or from the newest message.
MOVE = f"""
WITH before AS (
    SELECT *, moved_to - version <= counted - moved_to AS is_near
    FROM (SELECT *, greatest(version, least($3, counted)) AS moved_to FROM ({MEMBERSHIP} AND stay.room_id = $2) AS stay)
        AS stay
), membership AS (
    SELECT
        before.room_id, moved_to AS version, counted, is_muted, mute_changes, marked, message_count, own_count,
        CASE WHEN is_near THEN messages + beyond.said ELSE message_count - beyond.said END AS messages,
        CASE WHEN is_near THEN own + beyond.said_by_user ELSE own_count - beyond.said_by_user END AS own
    FROM before CROSS JOIN LATERAL (
        SELECT count(*) AS said, count(*) FILTER (WHERE messages.user_id = $1) AS said_by_user FROM messages
        WHERE messages.room_id = before.room_id
            AND messages.version > CASE WHEN is_near THEN before.version ELSE moved_to END
            AND messages.version <= CASE WHEN is_near THEN moved_to ELSE counted END
    ) AS beyond
), moved AS (
    INSERT INTO read_marks (user_id, room_id, version, messages, own)
    SELECT $1, room_id, version, messages, own FROM membership
    ON CONFLICT (user_id, room_id) DO UPDATE
        SET version = excluded.version, messages = excluded.messages, own = excluded.own
    WHERE read_marks.version < excluded.version
)
{READING}"""


class ReadMarks:
    """The read marks of all users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, user_id: UserId) -> list[Reading]:
        """One reading for each room that the user is in."""
        return [reading(row) for row in await self._database.fetch(OF_ALL, user_id)]

    async def of_rooms(self, user_id: UserId, rooms: Collection[RoomId]) -> list[Reading]:
        """One reading for each of these rooms that the user is in."""
        return [reading(row) for row in await self._database.fetch(OF_SOME, user_id, rooms)]

    async def in_room(self, user_id: UserId, room_id: RoomId) -> Reading:
        """The reading for one room. Raises NotInRoom."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(OF_ONE, user_id, room_id)
        if row is None:
            raise NotInRoom
        return reading(row)

    async def move(self, user_id: UserId, room_id: RoomId, version: Version) -> tuple[Reading, bool]:
        """Record that the user has read the room up to `version`; return whether the mark moved. Raises NotInRoom."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(MOVE, user_id, room_id, version)
        if row is None:
            raise NotInRoom
        return reading(row), row["version"] != row["marked"]


def reading(row: asyncpg.Record) -> Reading:
    counts = (row["unread"], row["counted"], row["mentions"])
    return Reading(row["room_id"], row["version"], *counts, row["is_muted"], row["mute_changes"])


async def remove(connection: asyncpg.Connection, user_id: UserId) -> None:
    """Remove the read marks of a user."""
    await connection.execute("DELETE FROM read_marks WHERE user_id = $1", user_id)
