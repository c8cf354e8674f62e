"""The members of a room at a version: those who could read it then."""

import asyncpg

from domain.values import RoomId
from eventstore.values import Version
from postgres.database import Database
from projections.readmodels.governance.roles import is_member_at, role_of
from projections.readmodels.queries import PAGE, offset
from projections.readmodels.shapes import RoomMember, user

PAGE_OF_MEMBERS = f"""
SELECT stay.user_id, users.username, users.kind, stay.joined_version, {role_of("stay", "$1", "$2")} AS role
FROM (
    SELECT user_id, joined_version FROM memberships
    WHERE room_id = $1 AND {is_member_at("$2")}
    ORDER BY joined_version LIMIT {PAGE} OFFSET $3
) AS stay
LEFT JOIN users USING (user_id)
ORDER BY stay.joined_version
"""


class Members:
    """Lists of members in the order they joined. The caller checks whether they may be shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def at(self, room_id: RoomId, version: Version, *, page: int = 1) -> list[RoomMember]:
        """One page (from 1) of the members right after `version`; empty beyond the last."""
        rows = await self._database.fetch(PAGE_OF_MEMBERS, room_id, version, offset(page))
        return [member(row) for row in rows]


def member(row: asyncpg.Record) -> RoomMember:
    """A member from a row with an account, a stay and a role."""
    shown = user(row["user_id"], row["username"], row["kind"])
    return RoomMember(shown.id, shown.username, shown.kind, role=row["role"], joined=row["joined_version"])
