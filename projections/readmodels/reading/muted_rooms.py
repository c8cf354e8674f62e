"""Rooms that users have muted: settings of their own, not on the record. A mute ends when its user leaves the room."""

import asyncpg

from domain.values import RoomId, UserId
from postgres.database import Database
from projections.readmodels.queries import NotInRoom

SET = """
WITH stay AS (
    SELECT joined_version FROM memberships WHERE user_id = $1 AND room_id = $2 AND left_version IS NULL
), changed AS (
    INSERT INTO muted_rooms (user_id, room_id, joined_version, is_muted, changes)
    SELECT $1, $2, joined_version, $3, 1 FROM stay
    ON CONFLICT (user_id, room_id) DO UPDATE
    SET joined_version = excluded.joined_version, is_muted = excluded.is_muted, changes = muted_rooms.changes + 1
    WHERE (muted_rooms.joined_version, muted_rooms.is_muted) <> (excluded.joined_version, excluded.is_muted)
    RETURNING changes
)
SELECT EXISTS (SELECT FROM changed) AS has_changed FROM stay
"""


class MutedRooms:
    """The muted rooms of all users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, user_id: UserId, room_id: RoomId, *, is_muted: bool) -> bool:
        """Mute a room for a member, or end that; return whether it changed. Raises NotInRoom."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SET, user_id, room_id, is_muted)
        if row is None:
            raise NotInRoom
        has_changed: bool = row["has_changed"]
        return has_changed


async def remove(connection: asyncpg.Connection, user_id: UserId) -> None:
    """Remove the muted rooms of a user."""
    await connection.execute("DELETE FROM muted_rooms WHERE user_id = $1", user_id)
