"""The answer to a command: what it recorded, and where in the log that is."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.responses import json_response
from api.http.rooms import leaving
from domain.ports import RecordedEvent
from eventstore.values import Position

Recorded = RecordedEvent[Position]


async def recorded_answer(
    request: web.Request,
    command: Awaitable[Recorded],
    body: Callable[[Recorded], Awaitable[object]],
    *,
    status: int = 200,
) -> web.Response:
    """Carry out `command`, and answer with the `body` of what it recorded and a place in the log that has it."""
    known = request.app[CORE].known
    before = known.anchor
    recorded = await command
    place = known.place_since(before)
    await leaving.after(request, recorded)
    return json_response(await body(recorded), status=status, position=recorded.position, place=place)


async def recorded_body(request: web.Request, command: Awaitable[Recorded], *, status: int = 200) -> web.Response:
    """Carry out `command`, and answer with the body of what the caller did, as its publication carries it."""
    bodies, user = request.app[CORE].bodies, request[SESSION].user
    return await recorded_answer(request, command, lambda recorded: bodies.body(recorded.event, user), status=status)
