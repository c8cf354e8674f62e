"""The members of a room at a version: those who could read it then."""

from domain.values import RoomId
from eventstore.values import Version
from postgres.database import Database
from projections.readmodels.queries import PAGE, offset
from projections.readmodels.shapes import User, user


def is_member_at(version: str) -> str:
    """SQL: whether a row of `memberships` is the stay of a member right after `version` (an expression)."""
    return f"joined_version <= {version} AND (left_version IS NULL OR left_version > {version})"


PAGE_OF_MEMBERS = f"""
SELECT stay.user_id, users.username
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

    async def at(self, room_id: RoomId, version: Version, *, page: int = 1) -> list[User]:
        """One page (from 1) of the members right after `version`; empty beyond the last."""
        rows = await self._database.fetch(PAGE_OF_MEMBERS, room_id, version, offset(page))
        return [user(row["user_id"], row["username"]) for row in rows]
