"""Who was in a room at a version, and so could read what was said then."""

from uuid import UUID

from postgres.database import Database
from projections.readmodels.bodies import username
from projections.readmodels.queries import PAGE, offset
from projections.readmodels.shapes import User

MEMBERS_AT = f"""
SELECT stay.user_id, users.username
FROM (
    SELECT user_id, joined_version FROM memberships
    WHERE room_id = $1 AND joined_version <= $2 AND (left_version IS NULL OR left_version > $2)
    ORDER BY joined_version LIMIT {PAGE} OFFSET $3
) AS stay
LEFT JOIN users USING (user_id)
ORDER BY stay.joined_version
"""


class Members:
    """Lists of members, by the time they joined. Whether the caller may see them was asked before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def at(self, room_id: UUID, version: int, *, page: int = 1) -> list[User]:
        """One page (from 1) of the members right after `version`; empty beyond the last."""
        rows = await self._database.fetch(MEMBERS_AT, room_id, version, offset(page))
        return [User(row["user_id"], username(row["username"], row["user_id"])) for row in rows]
