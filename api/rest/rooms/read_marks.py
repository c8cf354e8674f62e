"""What is unread: how far the caller has read each of their rooms, and which of them they muted."""

import asyncio
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from api.http.app_keys import CORE, READ_SYNC, SESSION
from api.http.endpoints import ROOM, Empty, Endpoint
from api.http.files.compression import compress
from api.http.parsing import BIGINT, read_body, room_id
from api.http.responses import json_response
from eventstore.values import Version
from projections.readmodels.reading.read_marks import Reading


class ReadUpTo(Struct, frozen=True):
    """The newest version that the user has seen."""

    version: Annotated[Version, Meta(ge=1, le=BIGINT)]


class Readings(Struct, frozen=True):
    """One for each of the caller's rooms, and how many invitations wait for an answer."""

    readings: list[Reading]
    invitations: int


async def get_readings(request: web.Request) -> web.Response:
    """GET /api/readings/: how far the caller has read each room, and what waits for them."""
    user_id = request[SESSION].user.id
    readings, invitations = await asyncio.gather(
        request.app[READ_SYNC].readings(user_id), request.app[CORE].invitations.count_of(user_id)
    )
    response = json_response(Readings(readings, invitations))
    compress(request, response)  # of a thousand rooms, they are 150 kB
    return response


async def mark_read(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/read/ {"version"}: 200 Reading; 404 when not a member."""
    room = room_id(request)
    body = await read_body(request, ReadUpTo)
    return json_response(await request.app[READ_SYNC].move(request[SESSION].user.id, room, body.version))


async def mute_room(request: web.Request) -> web.Response:
    """PUT /api/rooms/{room_id}/mute/: 200 Reading; 404 when not a member. A setting of the caller's own."""
    return await _set_mute(request, is_muted=True)


async def end_mute(request: web.Request) -> web.Response:
    """DELETE /api/rooms/{room_id}/mute/: 200 Reading; 404 when not a member."""
    return await _set_mute(request, is_muted=False)


async def _set_mute(request: web.Request, *, is_muted: bool) -> web.Response:
    room = room_id(request)
    await read_body(request, Empty)
    return json_response(await request.app[READ_SYNC].mute(request[SESSION].user.id, room, is_muted=is_muted))


ENDPOINTS = (
    Endpoint("POST", f"{ROOM}/read/", mark_read, Reading, 200, ReadUpTo),
    Endpoint("PUT", f"{ROOM}/mute/", mute_room, Reading),
    Endpoint("DELETE", f"{ROOM}/mute/", end_mute, Reading),
    Endpoint("GET", "/api/readings/", get_readings, Readings),
)
