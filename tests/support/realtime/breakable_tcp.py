"""A TCP proxy between an unmodified client and a server, whose connections a test can cut or stall."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BUFFER_BYTES = 16_384  # small, so that the server soon notices a stalled connection


class TcpProxy:
    """Forwards connections from its own `port` to `server_port`, both on loopback."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self._server_port = server_port
        self._is_open = True
        self._reads_server = asyncio.Event()
        self._reads_server.set()
        self._ends: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Abort every connection and refuse new ones until `restore`."""
        self._is_open = False
        for end in self._ends:
            end.transport.abort()

    def restore(self) -> None:
        self._is_open = True

    def stall(self) -> None:
        """Stop reading from the server, so that what it writes piles up on its side, until `resume`."""
        self._reads_server.clear()

    def resume(self) -> None:
        self._reads_server.set()

    async def forward(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Serve one connection to the end."""
        if not self._is_open:
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
            _pump(client_reader, server, only_while=always), _pump(server_reader, client, only_while=self._reads_server)
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


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, only_while: asyncio.Event) -> None:
    try:
        while chunk := await source.read(BUFFER_BYTES):
            await only_while.wait()
            sink.write(chunk)
            await sink.drain()
    except OSError:
        pass  # cut
    finally:
        sink.close()


@asynccontextmanager
async def proxy_to(server_port: int) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(server_port)
    listener = await asyncio.start_server(proxy.forward, "127.0.0.1", 0, limit=BUFFER_BYTES)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.resume()
        proxy.cut()
        listener.close()
        await listener.wait_closed()
