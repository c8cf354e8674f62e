"""The hub on aiohttp: `/connection/websocket`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from aiohttp import WSMsgType, web
from aiohttp.log import ws_logger

from centrifugo.hub import codes, protocol
from centrifugo.hub.codes import Disconnect
from centrifugo.hub.connection.client_connection import Connection
from centrifugo.hub.connection.origins import Origins
from centrifugo.hub.connection.outbox import Flusher, Outbox
from centrifugo.hub.hub import Hub

logger = logging.getLogger(__name__)
# aiohttp logs the subprotocols a client offers in vain, and a client may have put a token there.
ws_logger.addFilter(lambda record: "protocols" not in str(record.msg))

PATH = "/connection/websocket"
CLOSE_TIMEOUT_S = 2.0  # for the client to answer a close frame
LONGEST_REASON = 123  # bytes, what a close frame has room for
TICK_S = 0.1
COMMANDS_A_TURN = 32  # of one frame, before others get the event loop
JSON_PROTOCOL = "centrifuge-json"
PROTOBUF_PROTOCOL = "centrifuge-protobuf"


def mount(app: web.Application, hub: Hub) -> None:
    """Serve the hub's clients in this application and keep the hub's time; its clients are closed (3001) with it."""

    async def keep_time(_: web.Application) -> AsyncIterator[None]:
        keeper = asyncio.create_task(_keep_time(hub))
        yield
        keeper.cancel()

    async def close(_: web.Application) -> None:
        await hub.close()

    app.add_routes(routes(hub))
    app.cleanup_ctx.append(keep_time)
    app.on_shutdown.append(close)


def routes(hub: Hub) -> list[web.RouteDef]:
    """The endpoint alone, for an application that calls `hub.tick` and `hub.close` itself."""
    return [web.get(PATH, _Endpoint(hub).handle)]


async def _keep_time(hub: Hub) -> None:
    while True:
        is_behind = hub.tick()
        await asyncio.sleep(0 if is_behind else TICK_S)


class _Endpoint:
    """Accepts the sockets of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._origins = Origins(hub.config.client.allowed_origins)
        self._flusher = Flusher()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Upgrade and serve one client to its end; 403 for a foreign origin, 400 for protobuf."""
        if not self._origins.allow(request.headers.get("Origin")):
            raise web.HTTPForbidden
        if _wants_protobuf(request):
            raise web.HTTPBadRequest(text="this server speaks JSON only")
        native_pings = request.query.get("cf_ws_frame_ping_pong") == "true"
        config = self._hub.config
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT_S,
            heartbeat=config.client.ping_interval if native_pings else None,
            protocols=(JSON_PROTOCOL,),
            compress=False,
            max_msg_size=config.websocket.message_size_limit + 1,  # the size that is too large
        )
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        carrier = _Carrier(socket, transport, self._flusher, config.client.queue_max_size)
        connection = Connection(self._hub, carrier, pings=not native_pings)
        carrier.on_overflow = lambda: connection.disconnect(codes.SLOW)
        try:
            await _receive(socket, connection)
        finally:
            connection.lost()
            await carrier.closed()
        return socket


def _wants_protobuf(request: web.Request) -> bool:
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    return "protobuf" in (request.query.get("format"), request.query.get("cf_protocol")) or PROTOBUF_PROTOCOL in offered


async def _receive(socket: web.WebSocketResponse, connection: Connection) -> None:
    """Carry out what comes, strictly in order, until the socket closes."""
    async for frame in socket:
        if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return
        for number, line in enumerate(_lines(frame.data)):
            if number % COMMANDS_A_TURN == COMMANDS_A_TURN - 1:
                await asyncio.sleep(0)
            try:
                connection.execute(line)
            except Exception:
                logger.exception("a command failed")
                connection.disconnect(codes.INTERNAL_FAILURE)


def _lines(data: str | bytes) -> list[str]:
    return protocol.lines(data if isinstance(data, str) else data.decode(errors="replace"))


class _Carrier:
    """One aiohttp WebSocket as the transport of a connection."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.WriteTransport, flusher: Flusher, limit: int
    ) -> None:
        self.on_overflow: Callable[[], None] = self.drop
        self._socket = socket
        self._transport = transport
        self._outbox = Outbox(transport, flusher, limit, lambda: self.on_overflow())
        self._closing: asyncio.Task[None] | None = None

    def send(self, line: bytes) -> None:
        if self._closing is None:
            self._outbox.put(line)

    def close(self, disconnect: Disconnect) -> None:
        if self._closing is None:
            self._outbox.flush()
            self._closing = asyncio.create_task(self._close(disconnect))

    def drop(self) -> None:
        self._outbox.flush()
        self._transport.close()

    async def closed(self) -> None:
        """Wait for a close under way."""
        if self._closing is not None:
            await self._closing

    async def _close(self, disconnect: Disconnect) -> None:
        try:
            async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
                reason = disconnect.reason.encode()[:LONGEST_REASON].decode(errors="ignore").encode()
                await self._socket.close(code=disconnect.code, message=reason, drain=False)
        except TimeoutError:
            pass
        finally:
            if self._transport.get_write_buffer_size():  # it does not read: nobody waits for it
                self._transport.abort()
