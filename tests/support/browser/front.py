"""One address for the service and the real-time server beside it, as the proxy in front of both gives browsers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

WEBSOCKET = b"GET /connection/websocket "
CHUNK = 1 << 16


class Front:
    """Forwards a connection by its first line: browsers open one for a WebSocket, and send nothing else over it."""

    def __init__(self, service: URL, realtime_port: int) -> None:
        self._service = service
        self._realtime_port = realtime_port

    async def forward(self, browser_reads: asyncio.StreamReader, browser: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        with contextlib.suppress(OSError):  # one of the two is away, or ended
            first = await browser_reads.readline()
            port = self._realtime_port if first.startswith(WEBSOCKET) else self._service.port
            server_reads, server = await asyncio.open_connection("127.0.0.1", port)
            server.write(first)
            await asyncio.gather(_pump(browser_reads, server), _pump(server_reads, browser))
        browser.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(CHUNK):
            target.write(chunk)
            await target.drain()
    finally:
        target.close()


@asynccontextmanager
async def front_of(service: URL, realtime_port: int) -> AsyncIterator[URL]:
    """The address of both for the length of the block."""
    front = Front(service, realtime_port)
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await front.forward(reader, writer)
        finally:
            connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield service.with_port(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in connections:
            task.cancel()
