"""Whether what is recorded reaches browsers in time."""

from aiohttp import web

from api.http.app_keys import LATENESS
from api.http.endpoints import Endpoint
from api.http.responses import json_response
from api.operations.lateness_publisher import DeliveryState
from api.rest.client_log import check_client_log


async def get_delivery(request: web.Request) -> web.Response:
    """GET /api/delivery/?log=: whether publications come in time; 409 when the client's place is not in the log."""
    await check_client_log(request)
    return json_response(DeliveryState(await request.app[LATENESS].is_late()))


ENDPOINTS = (Endpoint("GET", "/api/delivery/", get_delivery, DeliveryState, query=("log",)),)
