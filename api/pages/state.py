"""What a page shows and goes on from: rendered by the templates, and handed to the scripts as one piece of JSON."""

import asyncio
from collections.abc import Sequence

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import CORE, READ_MARKS, SESSION
from api.pages.page import Context
from projections.readmodels.queries import At, Found
from projections.readmodels.read_marks import Reading
from projections.readmodels.shapes import Message, Room, User

SHOWN = 50
"""Messages of a room that a visit shows at least."""

UNREAD_SHOWN = 300
"""Messages that it shows at most, to begin with the first unread one."""

READ_SHOWN = 10
"""Messages before the first unread one that it shows at least."""


class OpenRoom(Struct, frozen=True):
    """The room that is open: its newest messages, ascending, and its first members, all as they were at its version."""

    room: Room
    messages: list[Message]
    members: list[User]


class State(Struct, frozen=True):
    """`position` is the point up to which nothing is missing from it."""

    user: User
    position: int
    rooms: list[Room]
    readings: list[Reading]
    open: OpenRoom | None = None


async def my_rooms(request: web.Request) -> State:
    """The rooms beside every page: the caller's first hundred, and what they have not read in them."""
    user = request[SESSION].user
    rooms, readings = await asyncio.gather(
        request.app[CORE].queries.rooms(user.id, page=1), request.app[READ_MARKS].of(user.id)
    )
    assert rooms.value is not None, "there is always a first page"
    return State(user, rooms.position, rooms.value.results, readings)


async def open_room(request: web.Request, room: At[Room]) -> tuple[State, Found[Message]]:
    """`room` as the caller's open room.

    Its version is read first: messages and members are asked for at that version, and so fit together.
    """
    core = request.app[CORE]
    mine, members = await asyncio.gather(my_rooms(request), core.members.at(room.value.id, room.value.version))
    reading = reading_of(mine, room.value)
    limit = UNREAD_SHOWN if reading.unread else SHOWN
    newest = await core.queries.messages_before(mine.user.id, room.value.id, before=room.value.version + 1, limit=limit)
    messages = newest.value.results
    unread = sum(message.id > reading.version for message in messages)
    found = Found(newest.value.count, messages[: max(SHOWN, unread + READ_SHOWN)])
    position = min(room.position, mine.position)
    shown = OpenRoom(room.value, found.results[::-1], members)
    return State(mine.user, position, mine.rooms, mine.readings, shown), found


def reading_of(state: State, room: Room) -> Reading:
    """How far the caller has read `room`. A room without a reading, which they just left, counts as read."""
    everything = Reading(room.id, room.version, 0, room.version)
    return next((reading for reading in state.readings if reading.room_id == room.id), everything)


def first_unread(state: State, room: Room, messages: Sequence[Message]) -> int | None:
    """The first of `messages` (ascending) that others wrote and the caller has not read."""
    reading = reading_of(state, room)
    if not reading.unread:
        return None
    return next(
        (message.id for message in messages if message.id > reading.version and message.user.id != state.user.id), None
    )


def beside(state: State) -> Context:
    """What the layout of a signed-in page needs."""
    return {"state": state, "unread": {reading.room_id: reading.unread for reading in state.readings}}
