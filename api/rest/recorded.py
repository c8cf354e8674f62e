"""The response to a command: the body of the event that it recorded."""

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.responses import json_response
from domain.ports import RecordedEvent
from eventstore.values import Position


async def recorded_body(request: web.Request, recorded: RecordedEvent[Position], *, status: int = 200) -> web.Response:
    """The body of what the caller did, as its publication carries it."""
    body = await request.app[CORE].bodies.body(recorded.event, request[SESSION].user)
    return json_response(body, status=status, position=recorded.position)
