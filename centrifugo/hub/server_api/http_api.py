"""The server API over HTTP: `POST <prefix>/<method>` with a JSON body and the API key."""

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from centrifugo.hub.codes import Error, Refused
from centrifugo.hub.configuration.options import HttpApi
from centrifugo.hub.hub import Hub
from centrifugo.hub.server_api.methods import METHODS, MalformedRequest, ServerApi, encode_error

PREFIX = "/api"

_HTTP_STATUS = {100: 500, 102: 404, 104: 404, 107: 400, 108: 400, 112: 416}


def routes(hub: Hub, prefix: str = PREFIX) -> list[web.RouteDef]:
    """One route a method; none when the API is disabled."""
    config = hub.config.http_api
    if config.disabled:
        return []
    api = ServerApi(hub)
    return [web.post(f"{prefix}/{method}", _handler(api, method, config)) for method in METHODS]


def _handler(api: ServerApi, method: str, config: HttpApi) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        if not config.insecure and not _has_key(request, config.key):
            return web.Response(status=401)
        # A broadcast to 100,000 channels has megabytes, and whoever has the key may send them.
        body = await request.clone(client_max_size=0).read()
        try:
            answer = await api.call(method, body)
        except MalformedRequest:
            return web.Response(status=400, text="Bad Request\n")
        except Refused as refused:
            return _refusal(refused.error, _wants_status(request, config))
        return web.Response(body=answer, content_type="application/json")

    return handle


def _has_key(request: web.Request, key: str) -> bool:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    offered = (
        request.headers.get("X-API-Key", ""),
        credentials.strip() if scheme.lower() == "apikey" else "",
        request.query.get("api_key", ""),
    )
    return bool(key) and any(hmac.compare_digest(each.encode(errors="replace"), key.encode()) for each in offered)


def _wants_status(request: web.Request, config: HttpApi) -> bool:
    return "transport" in (config.error_mode, request.headers.get("X-Centrifugo-Error-Mode"))


def _refusal(error: Error, as_status: bool) -> web.Response:
    """An error is a 200 that says so, unless the caller prefers HTTP's own way."""
    body = encode_error(error)
    if as_status:
        return web.Response(status=_HTTP_STATUS[error.code], body=body, content_type="application/json")
    return web.Response(body=b'{"error":%b}' % body, content_type="application/json")
