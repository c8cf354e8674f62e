"""Very many very simple WebSocket clients in one process, so that what is measured is the hub and not they.

They connect, subscribe to one channel each, and look in what arrives for the time at which it was published.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection as Pipe

import uvloop

PUBLISHED_AT = re.compile(rb'"at":([0-9.]+)')
CONNECTING_AT_ONCE = 100
HANDSHAKE = (
    b"GET /connection/websocket HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def run(pipe: Pipe, port: int, logins: Sequence[tuple[str, str, str]]) -> None:
    """A client for every (channel, connection token, subscription token), until `pipe` says None.

    Says "connected" once all are subscribed; then, for every number it is told, waits for so many publications and
    says how long each was under way, in seconds.
    """
    uvloop.run(_run(pipe, port, logins))


class Arrivals:
    """The latencies of all clients together."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self._awaited = 0
        self._complete = asyncio.Event()

    def expect(self, count: int) -> None:
        self.latencies, self._awaited = [], count
        self._complete.clear()

    def add(self, chunk: bytes) -> None:
        now = time.perf_counter()
        self.latencies += [now - float(at) for at in PUBLISHED_AT.findall(chunk)]
        if len(self.latencies) >= self._awaited:
            self._complete.set()

    async def complete(self) -> list[float]:
        await asyncio.wait_for(self._complete.wait(), 60)
        return self.latencies


class Client(asyncio.Protocol):
    """One socket. It is subscribed when an epoch has been seen; a chunk that ends inside of a push awaits its rest."""

    def __init__(self, arrivals: Arrivals, on_subscribed: Callable[[], None]) -> None:
        self._arrivals = arrivals
        self._on_subscribed: Callable[[], None] | None = on_subscribed
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        end = data.rfind(b"}") + 1
        self._rest = data[end:]
        if self._on_subscribed is None:
            self._arrivals.add(data[:end])
        elif b'"epoch"' in data[:end]:
            self._on_subscribed()
            self._on_subscribed = None


async def _run(pipe: Pipe, port: int, logins: Sequence[tuple[str, str, str]]) -> None:
    loop = asyncio.get_running_loop()
    arrivals, places = Arrivals(), asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect(channel: str, connection_token: str, subscription_token: str) -> asyncio.BaseTransport:
        subscribed = asyncio.Event()
        frame = _masked(
            json.dumps({"id": 1, "connect": {"token": connection_token}}),
            json.dumps({"id": 2, "subscribe": {"channel": channel, "token": subscription_token}}),
        )
        async with places:
            transport, _ = await loop.create_connection(lambda: Client(arrivals, subscribed.set), "127.0.0.1", port)
            transport.write(HANDSHAKE + frame)
            await asyncio.wait_for(subscribed.wait(), 30)
        return transport

    transports = await asyncio.gather(*(connect(*login) for login in logins))
    pipe.send("connected")
    while (count := await loop.run_in_executor(None, pipe.recv)) is not None:
        arrivals.expect(count)
        pipe.send("expecting")
        pipe.send(await arrivals.complete())
    for transport in transports:
        transport.close()


def _masked(*lines: str) -> bytes:
    """A text frame under a mask of zeros, which leaves it as it is."""
    payload = "\n".join(lines).encode()
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload
