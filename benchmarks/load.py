"""A load generator in a process of its own, cheap enough that what is measured is the server and not it."""

import asyncio
import multiprocessing
import re
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Any, cast

import uvloop

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Measured:
    """What one run saw. `latencies_s` are grouped by the request's place in the cycle of its connection."""

    took_s: float
    generator_cpu_s: float
    latencies_s: list[list[float]]

    @property
    def requests(self) -> int:
        return sum(len(group) for group in self.latencies_s)

    @property
    def per_second(self) -> float:
        return self.requests / self.took_s

    def quantile_s(self, percent: int, *, place: int = 0) -> float:
        """The time within which so many percent of the answers came."""
        return statistics.quantiles(self.latencies_s[place], n=100)[percent - 1]


class Load:
    """Connections that each send their requests over and over, the next one when the one before is answered."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    async def run(self, seconds: float) -> Measured:
        """Raises RuntimeError with the first answer that was not a success."""
        self._pipe.send(seconds)
        result = await asyncio.to_thread(self._pipe.recv)
        if isinstance(result, str):
            raise RuntimeError(result)
        assert isinstance(result, Measured)
        return result


@asynccontextmanager
async def load(port: int, connections: Sequence[Sequence[bytes]]) -> AsyncIterator[Load]:
    """A generator with these connections open to a server on loopback; each is a cycle of whole requests."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=generate, args=(theirs, port, connections), daemon=True)
    process.start()
    theirs.close()  # so that a process that died is an EOFError here, not silence
    try:
        assert await asyncio.to_thread(ours.recv) == "connected"
        yield Load(ours)
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)


def generate(pipe: Pipe, port: int, connections: Sequence[Sequence[bytes]]) -> None:
    """Run for as many seconds as `pipe` says, whenever it does."""
    uvloop.run(_generate(pipe, port, connections))


async def _generate(pipe: Pipe, port: int, connections: Sequence[Sequence[bytes]]) -> None:
    loop = asyncio.get_running_loop()
    clients = []
    for requests in connections:
        _, client = await loop.create_connection(lambda cycle=requests: Client(cycle), "127.0.0.1", port)  # type: ignore[misc]
        clients.append(client)
    pipe.send("connected")
    while True:
        pipe.send(await _measured(clients, await asyncio.to_thread(pipe.recv)))


async def _measured(clients: Sequence["Client"], seconds: float) -> Any:
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client.run(until=started + seconds) for client in clients))
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    if failures := [client.failure for client in clients if client.failure]:
        return failures[0].decode(errors="replace")
    groups = zip(*(client.latencies_s for client in clients), strict=True)
    return Measured(took_s, cpu_s, [[latency for part in group for latency in part] for group in groups])


class Client(asyncio.Protocol):
    """One connection that is kept alive."""

    def __init__(self, cycle: Sequence[bytes]) -> None:
        self.latencies_s: list[list[float]] = [[] for _ in cycle]
        self.failure = b""
        self._cycle = cycle
        self._place = 0
        self._received = b""
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's own class is no subclass of asyncio's

    def run(self, *, until: float) -> asyncio.Future[None]:
        """Begin to send; the future is done with the first answer at or after `until` (see time.perf_counter)."""
        self.latencies_s = [[] for _ in self._cycle]
        self._until = until
        self._done = asyncio.get_running_loop().create_future()
        self._send()
        return self._done

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._cycle[self._place])

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not is_whole(self._received):
            return
        answer, self._received = self._received, b""
        now = time.perf_counter()
        self.latencies_s[self._place].append(now - self._sent_at)
        self._place = (self._place + 1) % len(self._cycle)
        if not answer.startswith(b"HTTP/1.1 2"):
            self.failure = answer
        if self.failure or now >= self._until:
            self._end()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self.failure = b"the server closed the connection"
        self._end()

    def _end(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)


def is_whole(received: bytes) -> bool:
    """Whether this is a complete answer: its head, and as many bytes as the head says."""
    head, separator, body = received.partition(b"\r\n\r\n")
    length = CONTENT_LENGTH.search(head + b"\r\n")
    return bool(separator) and length is not None and len(body) >= int(length[1])
