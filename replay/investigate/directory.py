"""Lists of rooms and accounts, for operators. Passwords and sessions' tokens are never read."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg
from msgspec import Struct

from domain.names import name_key
from domain.values import RoomId, UserId
from eventstore.values import Version
from eventstore.words import COMPARED
from postgres.database import Database
from projections.readmodels.words import COMPARED_NAME, NAME, NAME_KEY, NAMED

ENTRY = f"rooms.room_id, {NAME}, rooms.version, rooms.member_count, rooms.message_count, rooms.bumped_at"
ROOMS = f"""
SELECT {ENTRY}, count(*) OVER () FROM rooms {NAMED} {COMPARED_NAME}
WHERE position($1 IN {NAME_KEY}) > 0 ORDER BY {NAME_KEY}, rooms.room_id LIMIT nullif($2::bigint, 0)
"""
USERS = """
SELECT users.user_id, username, role, is_demo, deactivated_at IS NOT NULL AS is_deactivated,
    erased_at IS NOT NULL AS is_erased, is_bot,
    created_at,
    (SELECT count(*) FROM memberships AS stay WHERE stay.user_id = users.user_id AND left_version IS NULL) AS rooms,
    (SELECT count(*) FROM sessions WHERE sessions.user_id = users.user_id
        AND now() < least(idle_expires_at, expires_at)) AS sessions,
    count(*) OVER ()
FROM users WHERE {} ORDER BY users.user_id LIMIT nullif($2::bigint, 0)
"""
BY_NAME = USERS.format("position(lower($1) IN lower(username)) > 0")
BY_ID = USERS.format("users.user_id = $1")
ROOMS_OF = f"""
SELECT {ENTRY}
FROM memberships AS stay JOIN rooms ON rooms.room_id = stay.room_id {NAMED} {COMPARED_NAME}
WHERE stay.user_id = $1 AND left_version IS NULL ORDER BY {NAME_KEY}, rooms.room_id
"""
# Of several that another application gave one name, the oldest.
ROOM_NAMED = f"""
SELECT rooms.room_id FROM rooms {COMPARED_NAME}
WHERE rooms.room_id IN (
    SELECT room_id FROM rooms WHERE name_key = $1 UNION ALL SELECT stream FROM {COMPARED} WHERE key = $1
) AND {NAME_KEY} = $1
ORDER BY rooms.opened_at, rooms.room_id LIMIT 1
"""
NAMES = f"SELECT rooms.room_id, {NAME} FROM rooms {NAMED} WHERE rooms.room_id = ANY($1::uuid[])"


class RoomEntry(Struct, frozen=True):
    """A room as it is now."""

    room_id: RoomId
    name: str
    version: Version
    members: int
    messages: int
    bumped_at: datetime


class UserEntry(Struct, frozen=True):
    """An account, with the number of rooms that its user is in and of open sessions."""

    user_id: UserId
    username: str
    role: str
    is_demo: bool
    is_deactivated: bool
    is_erased: bool
    is_bot: bool
    created_at: datetime
    rooms: int
    sessions: int


async def list_rooms(database: Database, *, containing: str, limit: int) -> tuple[list[RoomEntry], int]:
    """Rooms whose name contains a text, by name, and the count of all such rooms.

    An empty text is in every name; a limit of 0 is none.
    """
    rows = await database.fetch(ROOMS, name_key(containing), limit)
    return [RoomEntry(*row[:-1]) for row in rows], _total(rows)


async def room_named(database: Database, name: str) -> RoomId | None:
    """The room that has a name now; the oldest, if several have it."""
    return await database.fetchval(ROOM_NAMED, name_key(name)) if name_key(name) else None


async def room_names(database: Database, room_ids: Iterable[RoomId]) -> dict[RoomId, str]:
    """The names that rooms have now, by id; a room without a row is left out."""
    return dict(await database.fetch(NAMES, list(room_ids)))


async def list_users(database: Database, *, containing: str, limit: int) -> tuple[list[UserEntry], int]:
    """Accounts whose name contains a text, by id, and the count of all such accounts; as `list_rooms`."""
    rows = await database.fetch(BY_NAME, containing, limit)
    return [UserEntry(*row[:-1]) for row in rows], _total(rows)


async def find_user(database: Database, user_id: UserId) -> UserEntry | None:
    """One account; None for a user without one, as after an import."""
    row = await database.fetchrow(BY_ID, user_id, 1)
    return UserEntry(*row[:-1]) if row is not None else None


async def rooms_of(database: Database, user_id: UserId) -> list[RoomEntry]:
    """The rooms that a user is in, by name."""
    return [RoomEntry(*row) for row in await database.fetch(ROOMS_OF, user_id)]


def _total(rows: Sequence[asyncpg.Record]) -> int:
    return int(rows[0][-1]) if rows else 0
