"""The history of a room: its stream of events, and the room as it was at any version of it."""

import asyncio

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.parsing import query_version, room_id
from api.pages.admission import page
from api.pages.page import ROOM, render
from api.pages.state import layout_context, my_rooms
from domain.room import LABELS
from eventstore.values import Version
from projections.readmodels.queries import NotInRoom

AROUND = 25
"""Events shown on either side of the chosen one."""

MESSAGES = 30
"""Messages shown, the newest at that version."""


async def get_history(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/history/?at=<version>: the newest version by default."""
    core, user_id, room = request.app[CORE], request[SESSION].user.id, room_id(request)
    now = (await core.queries.room(user_id, room)).value
    version = query_version(request, "at", default=now.version, most=now.version)
    readable = await core.queries.readable(user_id, room)
    if version not in readable:  # a slider has versions that its user may not read, between those that they may
        version = readable.before(version) or readable.after(version) or version
    if version not in readable:
        raise NotInRoom
    state, then, members, said, stream = await asyncio.gather(
        my_rooms(request),
        core.bodies.room_at(room, version),
        core.members.at(room, version),
        core.queries.messages_before(user_id, room, before=Version(version + 1), limit=MESSAGES, at=version),
        core.queries.events(user_id, room, after=Version(max(0, version - AROUND - 1)), limit=2 * AROUND + 1),
    )
    events = stream.value.events
    context = {
        **layout_context(state),
        "room": now,
        "version": version,
        "oldest": readable.after(Version(0)),
        "earlier": readable.before(version),
        "later": readable.after(version),
        "then": then,
        "members": members,
        "messages": said.value.results[::-1],
        "events": events,
        "labels": LABELS,
        "chosen": next(event for event in events if event.version == version),
    }
    return render(request, "history.html", context)


ROUTES = (web.get(f"{ROOM}/history/", page(get_history)),)
