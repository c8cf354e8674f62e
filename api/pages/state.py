"""What a page shows and goes on from: rendered by the templates, and handed to the scripts as one piece of JSON."""

import asyncio

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import CORE, READ_SYNC, SESSION
from api.pages.page import Context
from projections.readmodels.queries import At, Found
from projections.readmodels.read_marks import Reading
from projections.readmodels.shapes import Message, RoomSummary, User

SHOWN = 50
"""Messages of a room that a first visit shows."""


class ShownRoom(Struct, frozen=True):
    """The room that is open: its newest messages, ascending, and its first members, all as they were at its version."""

    room: RoomSummary
    messages: list[Message]
    members: list[User]


class State(Struct, frozen=True):
    """`position` is the point up to which nothing is missing from it."""

    user: User
    position: int
    rooms: list[RoomSummary]
    readings: list[Reading]
    open: ShownRoom | None = None


async def my_rooms(request: web.Request) -> State:
    """The rooms beside every page: the caller's first hundred, and what they have not read in them."""
    user = request[SESSION].user
    rooms, readings = await asyncio.gather(
        request.app[CORE].queries.rooms(user.id, page=1), request.app[READ_SYNC].readings(user.id)
    )
    assert rooms.value is not None, "there is always a first page"
    return State(user, rooms.position, rooms.value.results, readings)


async def open_room(request: web.Request, room: At[RoomSummary]) -> tuple[State, Found[Message]]:
    """`room` as the caller's open room.

    Its version is read first: messages and members are asked for at that version, and so fit together.
    """
    core = request.app[CORE]
    user = request[SESSION].user
    found, members, mine = await asyncio.gather(
        core.queries.messages_before(user.id, room.value.id, before=room.value.version + 1, limit=SHOWN),
        core.members.at(room.value.id, room.value.version),
        my_rooms(request),
    )
    position = min(room.position, mine.position)
    shown = ShownRoom(room.value, found.value.results[::-1], members)
    return State(user, position, mine.rooms, mine.readings, shown), found.value


def beside(state: State) -> Context:
    """What the layout of a signed-in page needs."""
    return {"state": state, "unread": {reading.room_id: reading.unread for reading in state.readings}}
