"""How people enter rooms, for the API and for pages: others by name, direct conversations, and links."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from aiohttp import web

from api.http.app_keys import ACCOUNTS, CORE, SESSION
from api.http.limits import count_room
from domain.errors import DirectRoomExists, InvalidField, LinkNotValid
from domain.ports import RecordedEvent
from domain.room.invitations import LONGEST_LIFE, JoinByLink, MakeLink
from domain.room.opening import OpenDirect
from domain.room.room import PEOPLE_LIMIT
from domain.values import ClientId, RoomId, UserId
from eventstore.values import Position, Version
from projections.readmodels.admission.queries import NamedRoom
from projections.readmodels.discussion.said import room_version
from projections.readmodels.queries import AtPosition
from projections.readmodels.shapes import RoomSummary

NO_SUCH_USER = "There is no such user"


async def direct_room(
    request: web.Request, usernames: Sequence[str], *, key: ClientId | None
) -> tuple[AtPosition[RoomSummary], bool]:
    """The direct conversation of the caller with these users, and whether it was opened now. Raises InvalidField."""
    core, user_id = request.app[CORE], request[SESSION].user.id
    others = await find_users(request, "usernames", usernames[:PEOPLE_LIMIT])
    count_room(request)
    try:
        recorded = await core.admission.open_direct(OpenDirect(user_id, tuple(others), key))
    except DirectRoomExists as existing:
        return await core.queries.room(user_id, existing.room_id), False
    room = await core.bodies.room_at(*room_version(recorded.event))
    return AtPosition(room, recorded.position), True


async def find_users(request: web.Request, field: str, usernames: Sequence[str]) -> list[UserId]:
    """The ids of users by name. Raises InvalidField for the first who is not there."""
    names = [name.strip() for name in usernames]
    found = await request.app[ACCOUNTS].find_people(names)
    missing = next((name for name in names if name not in found), None)
    if missing is not None:
        raise InvalidField(field, f"{NO_SUCH_USER}: {missing[:150]}")
    return [found[name].id for name in names]


@dataclass(frozen=True, slots=True)
class NewRoomLink:
    """A link that was made. The token is nowhere else."""

    link: Version
    token: str
    position: Position

    @property
    def path(self) -> str:
        """The page that it opens."""
        return f"/join/?link={self.token}"


async def make_room_link(request: web.Request, room: RoomId, *, days: int, uses: int) -> NewRoomLink:
    """Make a link to a room, valid for some days and uses."""
    if not 1 <= days <= LONGEST_LIFE.days:
        raise InvalidField("days", f"Give 1 to {LONGEST_LIFE.days} days.")
    token = secrets.token_urlsafe(32)
    command = MakeLink(room, request[SESSION].user.id, token_hash(token), timedelta(days=days), uses)
    recorded = await request.app[CORE].admission.make_link(command)
    _, version = room_version(recorded.event)
    return NewRoomLink(version, token, recorded.position)


async def room_of_link(request: web.Request, token: str) -> NamedRoom:
    """The room that a link leads to. Raises LinkNotValid."""
    room = await request.app[CORE].invitations.room_of_link(token_hash(token))
    if room is None:
        raise LinkNotValid("This link is not valid, or no longer: ask for another one.")
    return room


async def join_room_of(request: web.Request, token: str, *, key: ClientId | None = None) -> RecordedEvent[Position]:
    """Join the room that a link leads to. Raises LinkNotValid, AlreadyAMember."""
    core, user_id = request.app[CORE], request[SESSION].user.id
    room = await room_of_link(request, token)
    return await core.admission.join_by_link(JoinByLink(room.id, user_id, token_hash(token), key))


def token_hash(token: str) -> str:
    """What is kept of a token: it is random, so its hash tells nothing."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
