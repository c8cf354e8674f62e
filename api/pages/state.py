"""The state of a page: rendered by the templates, and given to the scripts as JSON to continue from."""

import asyncio

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import CORE, READ_SYNC, SESSION
from api.pages.page import Context
from eventstore.values import Position, Version
from projections.readmodels.queries import AtPosition, ResultPage
from projections.readmodels.read_marks import Reading
from projections.readmodels.shapes import Message, RoomSummary, User

MESSAGES = 50
"""Messages of a room that a page shows at first."""


class ShownRoom(Struct, frozen=True):
    """The room on the page: its newest messages, ascending, and its first members, all at its version."""

    room: RoomSummary
    messages: list[Message]
    members: list[User]


class State(Struct, frozen=True):
    """`position`: nothing up to it is missing."""

    user: User
    position: Position
    rooms: list[RoomSummary]
    readings: list[Reading]
    open: ShownRoom | None = None


async def my_rooms(request: web.Request) -> State:
    """The rooms that every page lists: the caller's first hundred, with unread counts."""
    user = request[SESSION].user
    rooms, readings = await asyncio.gather(
        request.app[CORE].queries.rooms(user.id, page=1), request.app[READ_SYNC].readings(user.id)
    )
    assert rooms.value is not None, "there is always a first page"
    return State(user, rooms.position, rooms.value.results, readings)


async def state_with_room(request: web.Request, room: AtPosition[RoomSummary]) -> tuple[State, ResultPage[Message]]:
    """`room` as the caller's open room.

    Its version is read first: messages and members are asked for at that version, and so fit together.
    """
    core = request.app[CORE]
    user = request[SESSION].user
    found, members, mine = await asyncio.gather(
        core.queries.messages_before(user.id, room.value.id, before=Version(room.value.version + 1), limit=MESSAGES),
        core.members.at(room.value.id, room.value.version),
        my_rooms(request),
    )
    position = min(room.position, mine.position)
    shown = ShownRoom(room.value, found.value.results[::-1], members)
    return State(user, position, mine.rooms, mine.readings, shown), found.value


def layout_context(state: State) -> Context:
    """What the layout of a signed-in page needs."""
    return {"state": state, "unread": {reading.room_id: reading.unread for reading in state.readings}}
