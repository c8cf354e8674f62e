"""Many simple WebSocket clients in one process of their own, so that the hub is measured and not they.

Each connects, subscribes to one channel, and finds in what arrives a message's number and the time at which it was
sent: its content is `content(now)`.
"""

import asyncio
import contextlib
import json
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection as Pipe
from typing import Any, NamedTuple, cast

import uvloop

MESSAGE = re.compile(rb'"id":([0-9]+),"content":"at ([0-9.]+)')
PATIENCE_S = 30
PING = b"{}"  # an empty object stands for nothing else in what arrives
PONG = b"\x81\x82" + bytes(4) + b"{}"
CONNECTING_AT_ONCE = 100
HANDSHAKE = (
    b"GET /connection/websocket HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Arrival(NamedTuple):
    """A message that a client received, and its latency in seconds."""

    client: int
    number: int
    latency_s: float


def content(now: float) -> str:
    """The content of a message sent at `now`."""
    return f"at {now:.6f}"


@contextlib.contextmanager
def clients(port: int, logins: Sequence[tuple[str, str, str]]) -> Iterator[Pipe]:
    """A process of clients, one for each (channel, connection token, subscription token), and a pipe to it.

    It sends "connected" once all are subscribed. For every number that it receives, it sends "expecting", waits for
    that many messages in all, or until its patience runs out, and sends what arrived, in order.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run, args=(theirs, port, logins), daemon=True)
    process.start()
    theirs.close()  # so that its end is noticed here
    yield ours
    ours.send(None)
    process.join(10)


async def received(pipe: Pipe) -> Any:
    """The next thing that the clients send."""
    return await asyncio.get_running_loop().run_in_executor(None, pipe.recv)


def run(pipe: Pipe, port: int, logins: Sequence[tuple[str, str, str]]) -> None:
    """The process, until it receives None."""
    uvloop.run(_run(pipe, port, logins))


class Arrivals:
    """What all clients received."""

    def __init__(self) -> None:
        self.arrived: list[Arrival] = []
        self._awaited = 0
        self._complete = asyncio.Event()

    def expect(self, count: int) -> None:
        self.arrived, self._awaited = [], count
        self._complete.clear()

    def add(self, client: int, chunk: bytes) -> None:
        now = time.perf_counter()
        self.arrived += [Arrival(client, int(number), now - float(at)) for number, at in MESSAGE.findall(chunk)]
        if len(self.arrived) >= self._awaited:
            self._complete.set()

    async def complete(self) -> list[Arrival]:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._complete.wait(), PATIENCE_S)
        return self.arrived


class Client(asyncio.Protocol):
    """One socket: upgraded, then greeted, then subscribed when an epoch has been seen; from then on it counts.

    A chunk that ends inside of a push awaits its rest.
    """

    def __init__(self, number: int, greeting: bytes, arrivals: Arrivals, on_subscribed: Callable[[], None]) -> None:
        self._number = number
        self._greeting: bytes | None = greeting
        self._arrivals = arrivals
        self._on_subscribed: Callable[[], None] | None = on_subscribed
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        if self._greeting is not None:
            self._transport.write(self._greeting)  # not before: a real server takes nothing until it has upgraded
            self._greeting = None
            return
        data = self._rest + data
        end = data.rfind(b"}") + 1
        self._rest = data[end:]
        if PING in data[:end]:
            self._transport.write(PONG)
        if self._on_subscribed is None:
            self._arrivals.add(self._number, data[:end])
        elif b'"epoch"' in data[:end]:
            self._on_subscribed()
            self._on_subscribed = None


async def _run(pipe: Pipe, port: int, logins: Sequence[tuple[str, str, str]]) -> None:
    loop = asyncio.get_running_loop()
    arrivals, places = Arrivals(), asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect(
        number: int, channel: str, connection_token: str, subscription_token: str
    ) -> asyncio.BaseTransport:
        subscribed = asyncio.Event()
        greeting = _masked(
            json.dumps({"id": 1, "connect": {"token": connection_token}}),
            json.dumps({"id": 2, "subscribe": {"channel": channel, "token": subscription_token}}),
        )
        async with places:
            transport, _ = await loop.create_connection(
                lambda: Client(number, greeting, arrivals, subscribed.set), "127.0.0.1", port
            )
            await asyncio.wait_for(subscribed.wait(), 30)
        return transport

    transports = await asyncio.gather(*(connect(number, *login) for number, login in enumerate(logins)))
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
