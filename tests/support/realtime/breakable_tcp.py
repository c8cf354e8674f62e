"""A TCP connection that a test can cut, or stop from carrying, between an unmodified client and a server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BUFFER_BYTES = 16_384  # small, so that the server soon feels a stalled wire


class Wire:
    """Forwards connections to its own `port` on to `server_port`, both on loopback."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self._server_port = server_port
        self._whole = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._ends: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Drop every connection without a word and accept none until `mend`."""
        self._whole = False
        for end in self._ends:
            end.transport.abort()

    def mend(self) -> None:
        self._whole = True

    def stall(self) -> None:
        """Read no more from the server: what it writes piles up on its side until `flow`."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    async def carry(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Serve one connection to the end."""
        if not self._whole:
            client.transport.abort()
            return
        try:
            server_reader, server = await self._dial()
        except OSError:  # the server is down
            client.transport.abort()
            return
        always = asyncio.Event()
        always.set()
        self._ends |= {client, server}
        await asyncio.gather(
            _pump(client_reader, server, while_=always), _pump(server_reader, client, while_=self._flowing)
        )
        self._ends -= {client, server}

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        dialled = socket.socket()
        dialled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        dialled.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(dialled, ("127.0.0.1", self._server_port))
        except OSError:
            dialled.close()
            raise
        return await asyncio.open_connection(sock=dialled, limit=BUFFER_BYTES)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, while_: asyncio.Event) -> None:
    try:
        while chunk := await source.read(BUFFER_BYTES):
            await while_.wait()
            sink.write(chunk)
            await sink.drain()
    except OSError:
        pass  # cut
    finally:
        sink.close()


@asynccontextmanager
async def wire_to(server_port: int) -> AsyncIterator[Wire]:
    wire = Wire(server_port)
    listener = await asyncio.start_server(wire.carry, "127.0.0.1", 0, limit=BUFFER_BYTES)
    wire.port = listener.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        wire.flow()
        wire.cut()
        listener.close()
        await listener.wait_closed()
