"""The server API over HTTP: `POST /api/<method>` with a JSON body and the key in `X-API-Key`."""

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol.codes import Refused
from centrifugo.hub.server_api.methods import METHODS, MalformedRequest, ServerApi
from centrifugo.hub.server_api.results import encode_error

PREFIX = "/api"


def routes(hub: Hub) -> list[web.RouteDef]:
    """One route per method."""
    api = ServerApi(hub)
    return [web.post(f"{PREFIX}/{method}", _handler(api, method, hub.config.http_api.key)) for method in METHODS]


def _handler(api: ServerApi, method: str, key: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        if not _has_key(request, key):
            return web.Response(status=401)
        # A broadcast to 100,000 channels has megabytes, and a caller with the key may send them.
        body = await request.clone(client_max_size=0).read()
        try:
            answer = await api.call(method, body)
        except MalformedRequest:
            return web.Response(status=400, text="Bad Request\n")
        except Refused as refused:
            answer = encode_error(refused.error)
        return web.Response(body=answer, content_type="application/json")

    return handle


def _has_key(request: web.Request, key: str) -> bool:
    offered = request.headers.get("X-API-Key", "")
    return bool(key) and hmac.compare_digest(offered.encode(errors="replace"), key.encode())
