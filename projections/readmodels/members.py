"""The members of a room at a version: those who could read it then."""

from typing import Literal

import asyncpg
from msgspec import Struct

from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.database import Database
from projections.readmodels.admission.readable import may_read
from projections.readmodels.governance.roles import is_member_at, role_of
from projections.readmodels.queries import PAGE, offset
from projections.readmodels.shapes import RoomMember, User, user

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

JOINS_AND_LEAVES = f"""
SELECT step.*, users.username, users.kind FROM (
    SELECT joined_version AS version, user_id, 'joined' AS step FROM memberships
    WHERE room_id = $2 AND joined_version BETWEEN $3 AND $4
    UNION ALL
    SELECT left_version, user_id, CASE WHEN EXISTS (
        SELECT FROM governance
        WHERE governance.room_id = $2 AND governance.version = left_version AND aspect = 'removal'
    ) THEN 'removed' ELSE 'left' END FROM memberships
    WHERE room_id = $2 AND left_version BETWEEN $3 AND $4
    ORDER BY version DESC LIMIT $5
) AS step
LEFT JOIN users USING (user_id)
WHERE {may_read("$2", "$1", "step.version")}
ORDER BY step.version
"""

AUDIENCE = f"""
SELECT stay.user_id, users.username, users.kind, stay.joined_version, stay.left_version,
    {role_of("stay", "$1", "$2")} AS role
FROM memberships AS stay LEFT JOIN users USING (user_id)
WHERE stay.room_id = $1 AND {is_member_at("$2", "stay")} AND strpos(lower(coalesce(username, '')), lower($4)) > 0
ORDER BY stay.joined_version LIMIT {PAGE} OFFSET $3
"""

LATER_READERS = f"""
SELECT stay.user_id, users.username, users.kind, stay.joined_version, stay.left_version, 'member' AS role
FROM memberships AS stay LEFT JOIN users USING (user_id)
WHERE stay.room_id = $1 AND stay.joined_version > $2 AND stay.reads_from <= $2
    AND strpos(lower(coalesce(username, '')), lower($4)) > 0
    AND NOT EXISTS (
        SELECT FROM memberships AS other
        WHERE other.room_id = $1 AND other.user_id = stay.user_id AND other.joined_version < stay.joined_version
            AND (other.left_version IS NULL OR other.left_version >= $2)
    )
ORDER BY stay.joined_version LIMIT {PAGE} OFFSET $3
"""


class AudienceMember(Struct, frozen=True):
    """Who can read what is at a version of a room, or could until they left."""

    user: RoomMember
    left: Version | None


Step = Literal["joined", "left", "removed"]
"""What changed for a member: `removed` is having left by the decision of another."""


class JoinOrLeave(Struct, frozen=True):
    """That a user joined a room, left it or was removed, at a version."""

    version: Version
    user: User
    step: Step


class Members:
    """Lists of members in the order they joined. The caller checks whether they may be shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def at(self, room_id: RoomId, version: Version, *, page: int = 1) -> list[RoomMember]:
        """One page (from 1) of the members right after `version`; empty beyond the last."""
        rows = await self._database.fetch(PAGE_OF_MEMBERS, room_id, version, offset(page))
        return [member(row) for row in rows]

    async def audience(self, room_id: RoomId, version: Version, *, name: str, page: int) -> list[AudienceMember]:
        """One page of the members right after `version` whose names contain `name`, in the order they joined."""
        return [
            _audience_member(row) for row in await self._database.fetch(AUDIENCE, room_id, version, offset(page), name)
        ]

    async def later_readers(self, room_id: RoomId, version: Version, *, name: str, page: int) -> list[AudienceMember]:
        """Likewise, those who joined after `version` and read what is at it."""
        return [
            _audience_member(row)
            for row in await self._database.fetch(LATER_READERS, room_id, version, offset(page), name)
        ]

    async def joins_and_leaves(
        self, user_id: UserId, room_id: RoomId, *, since: Version, until: Version, limit: int
    ) -> list[JoinOrLeave]:
        """Who joined and left from one version to another, as far as a member may read it: the newest, ascending."""
        rows = await self._database.fetch(JOINS_AND_LEAVES, user_id, room_id, since, until, limit)
        return [
            JoinOrLeave(Version(row["version"]), user(row["user_id"], row["username"], row["kind"]), row["step"])
            for row in rows
        ]


def member(row: asyncpg.Record) -> RoomMember:
    """A member from a row with an account, a stay and a role."""
    shown = user(row["user_id"], row["username"], row["kind"])
    return RoomMember(shown.id, shown.username, shown.kind, role=row["role"], joined=row["joined_version"])


def _audience_member(row: asyncpg.Record) -> AudienceMember:
    left = row["left_version"]
    return AudienceMember(member(row), None if left is None else Version(left))
