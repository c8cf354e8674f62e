"""The history of a room: its stream of events, and the room as it was at any version of it."""

import asyncio

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.parsing import query_number
from api.pages.page import render
from api.pages.state import beside, my_rooms
from api.rest.rooms import room_of
from domain.room import LABELS

AROUND = 25
"""Events of the stream that are shown on either side of the chosen one."""

SAID = 30
"""Messages of the moment that are shown."""


async def get_history(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/history/?at=<version>: the newest version by default."""
    room = await room_of(request)
    room_id, newest = room.value.id, room.value.version
    version = query_number(request, "at", default=newest, least=1, most=newest)
    core, user_id = request.app[CORE], request[SESSION].user.id
    state, then, members, said, stream = await asyncio.gather(
        my_rooms(request),
        core.bodies.room_at(room_id, version),
        core.members.at(room_id, version),
        core.queries.messages_before(user_id, room_id, before=version + 1, limit=SAID),
        core.queries.events(user_id, room_id, after=max(0, version - AROUND - 1), limit=2 * AROUND + 1),
    )
    events = stream.value.events
    context = {
        **beside(state),
        "room": room.value,
        "version": version,
        "then": then,
        "members": members,
        "messages": said.value.results[::-1],
        "events": events,
        "labels": LABELS,
        "chosen": next(event for event in events if event.version == version),
    }
    return render(request, "history.html", context)
