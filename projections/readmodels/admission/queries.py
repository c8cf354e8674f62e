"""Who is invited where, and by which links people may join. The caller sees to it that the reader may know."""

from msgspec import Struct

from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.database import Database
from projections.readmodels.shapes import Timestamp, User, timestamp, user
from projections.readmodels.words import NAME, NAMED

MOST = 1000
"""Invitations in one list."""

INVITATIONS_OF = f"""
SELECT rooms.room_id, {NAME} AS name, invitation.invited_at, invitation.invited_by, users.username, users.kind
FROM room_invitations AS invitation JOIN rooms USING (room_id) {NAMED}
LEFT JOIN users ON users.user_id = invitation.invited_by
WHERE invitation.user_id = $1 AND invitation.ended_version IS NULL
ORDER BY invitation.invited_at DESC, rooms.room_id LIMIT {MOST}
"""

COUNT_OF = "SELECT count(*) AS waiting FROM room_invitations WHERE user_id = $1 AND ended_version IS NULL"

INVITED_TO = f"""
SELECT invitation.user_id, users.username, users.kind
FROM room_invitations AS invitation LEFT JOIN users USING (user_id)
WHERE invitation.room_id = $1 AND invitation.ended_version IS NULL
ORDER BY invitation.invited_version LIMIT {MOST}
"""

USES = """(
    SELECT count(*) FROM memberships WHERE memberships.room_id = made.room_id AND memberships.link = made.made_version
)"""

LINKS = f"""
SELECT made.*, {USES} AS uses, users.username, users.kind
FROM invitation_links AS made LEFT JOIN users ON users.user_id = made.made_by
WHERE made.room_id = $1 AND made.revoked_version IS NULL AND made.expires_at > now() AND {USES} < made.max_uses
ORDER BY made.made_version
"""

ROOM_OF_LINK = f"""
SELECT rooms.room_id, {NAME} AS name
FROM invitation_links AS made JOIN rooms USING (room_id) {NAMED}
WHERE made.token_hash = $1 AND made.revoked_version IS NULL AND made.expires_at > now() AND {USES} < made.max_uses
"""


class NamedRoom(Struct, frozen=True):
    """A room, as those see it who may join it and are not in it yet."""

    id: RoomId
    name: str


class OpenInvitation(Struct, frozen=True):
    """An invitation that waits for its answer."""

    room: NamedRoom
    invited_by: User
    invited_at: Timestamp


class InvitationLink(Struct, frozen=True):
    """A link in use: `link` is the version that made it. Nobody can read its token from here."""

    link: Version
    made_by: User
    made_at: Timestamp
    expires_at: Timestamp
    max_uses: int
    uses: int


class AdmissionQueries:
    """Invitations and links."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invitations_of(self, user_id: UserId) -> list[OpenInvitation]:
        """The invitations of a user, the newest first."""
        return [
            OpenInvitation(
                NamedRoom(row["room_id"], row["name"]),
                user(row["invited_by"], row["username"], row["kind"]),
                timestamp(row["invited_at"]),
            )
            for row in await self._database.fetch(INVITATIONS_OF, user_id)
        ]

    async def count_of(self, user_id: UserId) -> int:
        """How many invitations of a user wait for an answer."""
        rows = await self._database.fetch(COUNT_OF, user_id)
        return int(rows[0]["waiting"])

    async def invited_to(self, room_id: RoomId) -> list[User]:
        """Who is invited to a room and has not answered, in the order of the invitations."""
        return [
            user(row["user_id"], row["username"], row["kind"])
            for row in await self._database.fetch(INVITED_TO, room_id)
        ]

    async def links(self, room_id: RoomId) -> list[InvitationLink]:
        """The links of a room that are in use."""
        return [
            InvitationLink(
                link=row["made_version"],
                made_by=user(row["made_by"], row["username"], row["kind"]),
                made_at=timestamp(row["made_at"]),
                expires_at=timestamp(row["expires_at"]),
                max_uses=row["max_uses"],
                uses=row["uses"],
            )
            for row in await self._database.fetch(LINKS, room_id)
        ]

    async def room_of_link(self, token_hash: str) -> NamedRoom | None:
        """The room that a link leads to; None when it is not valid, or no longer."""
        rows = await self._database.fetch(ROOM_OF_LINK, token_hash)
        return NamedRoom(rows[0]["room_id"], rows[0]["name"]) if rows else None
