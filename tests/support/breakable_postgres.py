"""A wire to PostgreSQL that can be cut at a chosen moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Wire:
    """Passes bytes both ways until a client sends `cut_at`; then every connection over it is dropped.

    With `deliver`, what the client sent still reaches the server, and only the answer is lost.
    """

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._open: set[asyncio.StreamWriter] = set()
        self._carrying: list[asyncio.Future[Any]] = []
        self.cut_at: bytes | None = None
        self.deliver = False
        self.cuts = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it or the wire is cut."""
        server_reader, server_writer = await asyncio.open_unix_connection(self._socket)
        self._open |= {writer, server_writer}
        self._carrying.append(asyncio.ensure_future(asyncio.gather(writer.wait_closed(), server_writer.wait_closed())))
        try:
            await asyncio.gather(
                self._up(reader, server_writer), self._down(server_reader, writer), return_exceptions=True
            )
        finally:
            for end in (writer, server_writer):
                end.transport.abort()

    async def hang_up(self) -> None:
        """End every connection and wait until both its ends are closed."""
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _up(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await client.read(65536):
            if self.cut_at is not None and self.cut_at in data:
                await self._cut(server, data)
                return
            server.write(data)
        server.close()

    async def _down(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await server.read(65536):
            client.write(data)
        client.close()

    async def _cut(self, server: asyncio.StreamWriter, data: bytes) -> None:
        self.cut_at = None
        self.cuts += 1
        for writer in self._open - {server}:
            writer.transport.abort()
        if self.deliver:
            server.write(data)
            await server.drain()
            server.write_eof()
        else:
            server.transport.abort()


@contextlib.asynccontextmanager
async def wire_to(dsn: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the server of `dsn` (on a unix socket), and the URL that leads over it."""
    url = urlsplit(dsn)
    wire = Wire(f"{parse_qs(url.query)['host'][0]}/.s.PGSQL.5432")
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield wire, f"postgresql://{url.username}@127.0.0.1:{port}{url.path}?sslmode=disable"
    finally:
        server.close()
        await wire.hang_up()
