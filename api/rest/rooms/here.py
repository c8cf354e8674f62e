"""What members are told about each other live, and what is not on the record."""

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import HERE, SESSION
from api.http.endpoints import ROOM, Empty, Endpoint
from api.http.parsing import read_body, room_id
from api.http.responses import json_response


class Told(Struct, frozen=True):
    """Whether the others were told now: at most once in three seconds, and in rooms of at most 100 members."""

    is_told: bool


async def tell_typing(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/typing/: 200 Told; 404 when not a member."""
    room = room_id(request)
    await read_body(request, Empty)
    return json_response(Told(await request.app[HERE].tell_typing(request[SESSION].user.id, room)))


ENDPOINTS = (Endpoint("POST", f"{ROOM}/typing/", tell_typing, Told, 200, Empty),)
