"""The hub on aiohttp: `/connection/websocket`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from aiohttp import WSMsgType, web
from aiohttp.log import ws_logger

from centrifugo.hub.connection.client_connection import ClientConnection
from centrifugo.hub.connection.origins import Origins
from centrifugo.hub.connection.outbox import Flusher, Outbox
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol import codes
from centrifugo.hub.protocol.client_commands import split_frame
from centrifugo.hub.protocol.codes import Disconnect

logger = logging.getLogger(__name__)
# aiohttp logs the subprotocols that a client offers. The hub accepts none, and a client may have put a token there.
ws_logger.addFilter(lambda record: "protocols" not in str(record.msg))

PATH = "/connection/websocket"
CLOSE_TIMEOUT_S = 2.0  # for the client to answer a close frame
MAX_REASON_BYTES = 123  # the room in a close frame
MAX_MESSAGE_BYTES = 65_536
TICK_S = 0.1
COMMANDS_PER_TURN = 32  # of one frame, before others get the event loop
PROTOBUF_PROTOCOL = "centrifuge-protobuf"


def mount(app: web.Application, hub: Hub) -> None:
    """Serve the hub's clients from this application, which ticks the hub and on shutdown closes its clients (3001)."""

    async def tick(_: web.Application) -> AsyncIterator[None]:
        ticking = asyncio.create_task(_tick(hub))
        yield
        ticking.cancel()

    async def close(_: web.Application) -> None:
        await hub.close()

    app.router.add_get(PATH, _Endpoint(hub).handle)
    app.cleanup_ctx.append(tick)
    app.on_shutdown.append(close)


async def _tick(hub: Hub) -> None:
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
        """Upgrade and serve one client to the end; 403 for an origin that is not allowed, 400 for protobuf."""
        if not self._origins.allow(request.headers.get("Origin")):
            raise web.HTTPForbidden
        if _wants_protobuf(request):
            raise web.HTTPBadRequest(text="this server speaks JSON only")
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT_S,
            compress=False,
            max_msg_size=MAX_MESSAGE_BYTES + 1,  # the size that is too large
        )
        await socket.prepare(request)
        tcp = request.transport
        if tcp is None:
            return socket
        transport = _SocketTransport(socket, tcp, self._flusher)
        connection = ClientConnection(self._hub, transport)
        transport.queue_limit = connection.queue_limit
        transport.on_overflow = lambda: connection.disconnect(codes.SLOW)
        try:
            await _receive(socket, connection)
        finally:
            connection.lost()
            await transport.closed()
        return socket


def _wants_protobuf(request: web.Request) -> bool:
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    return "protobuf" in (request.query.get("format"), request.query.get("cf_protocol")) or PROTOBUF_PROTOCOL in offered


async def _receive(socket: web.WebSocketResponse, connection: ClientConnection) -> None:
    """Execute the commands strictly in order until the socket closes."""
    async for frame in socket:
        if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return
        for number, line in enumerate(_lines(frame.data)):
            if number % COMMANDS_PER_TURN == COMMANDS_PER_TURN - 1:
                await asyncio.sleep(0)
            try:
                connection.execute(line)
            except Exception:
                logger.exception("a command failed")
                connection.disconnect(codes.INTERNAL_FAILURE)


def _lines(data: str | bytes) -> list[str]:
    return split_frame(data if isinstance(data, str) else data.decode(errors="replace"))


class _SocketTransport:
    """One aiohttp WebSocket as the transport of a connection."""

    def __init__(self, socket: web.WebSocketResponse, tcp: asyncio.WriteTransport, flusher: Flusher) -> None:
        self.queue_limit: Callable[[], int] = int
        self.on_overflow: Callable[[], None] = self.drop
        self._socket = socket
        self._tcp = tcp
        self._outbox = Outbox(tcp, flusher, lambda: self.queue_limit(), lambda: self.on_overflow())
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
        self._tcp.close()

    async def closed(self) -> None:
        """Wait for a close that is under way."""
        if self._closing is not None:
            await self._closing

    async def _close(self, disconnect: Disconnect) -> None:
        try:
            async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
                reason = disconnect.reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore").encode()
                await self._socket.close(code=disconnect.code, message=reason, drain=False)
        except TimeoutError:
            pass
        finally:
            if self._tcp.get_write_buffer_size():  # the client does not read: do not wait for it
                self._tcp.abort()
