"""Whether what is recorded reaches browsers in time."""

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import LATENESS
from api.http.endpoints import Endpoint
from api.http.responses import json_response


class DeliveryState(Struct, frozen=True):
    """`is_late`: publications are paused, stopped or seconds behind; read the feed meanwhile."""

    is_late: bool


async def get_delivery(request: web.Request) -> web.Response:
    """GET /api/delivery/: whether publications come in time."""
    return json_response(DeliveryState(await request.app[LATENESS].is_late()))


ENDPOINTS = (Endpoint("GET", "/api/delivery/", get_delivery, DeliveryState),)
