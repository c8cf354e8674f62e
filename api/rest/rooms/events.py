"""Events for clients that missed some: those of one room, or of all rooms while the caller was a member."""

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import CORE, SESSION
from api.http.endpoints import ROOM, Endpoint
from api.http.parsing import query_number, room_id
from api.http.responses import json_response
from api.rest.client_log import check_client_log
from eventstore.values import Position, Version
from projections.readmodels.shapes import RoomEvents, StreamEvent

DEFAULT_EVENTS = 200
MAX_EVENTS = 1000
"""In one answer."""


class Feed(Struct, frozen=True):
    """Events of many rooms, ascending by position. `position`: nothing up to it is missing.

    `log` identifies the log: a client sends it back with its next request for events.
    """

    events: list[StreamEvent]
    position: Position
    log: str


async def get_events(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/events/?after=<version>&limit=&log=: 200 RoomEvents; 404 when not a member, 409."""
    room = room_id(request)
    after, limit = Version(_after(request)), _limit(request)
    found = await request.app[CORE].queries.events(request[SESSION].user.id, room, after=after, limit=limit)
    await check_client_log(request)
    return json_response(found.value, position=found.position)


async def get_feed(request: web.Request) -> web.Response:
    """GET /api/feed/?after=<position>&limit=&log=: 200 Feed; 409 when the client's place is not in the log."""
    after, limit = Position(_after(request)), _limit(request)
    token = await _newest_place(request)
    found = await request.app[CORE].queries.feed(request[SESSION].user.id, after=after, limit=limit)
    await check_client_log(request)
    return json_response(Feed(found.value, found.position, token), position=found.position)


async def _newest_place(request: web.Request) -> str:
    """Asked for before reading: what is read is of this log or of a later one."""
    core = request.app[CORE]
    async with core.database.connection() as connection:
        await core.known.check(connection)
    return core.known.anchor.token


def _after(request: web.Request) -> int:
    return query_number(request, "after", default=0)


def _limit(request: web.Request) -> int:
    return query_number(request, "limit", default=DEFAULT_EVENTS, least=1, most=MAX_EVENTS)


ENDPOINTS = (
    Endpoint("GET", f"{ROOM}/events/", get_events, RoomEvents, query=("after", "limit", "log")),
    Endpoint("GET", "/api/feed/", get_feed, Feed, query=("after", "limit", "log")),
)
