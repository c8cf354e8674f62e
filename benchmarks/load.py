"""A load generator that costs little: requests built once, responses read just far enough, on bare sockets."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from yarl import URL

from tests.support.people import Person


@dataclass
class Visitor:
    """A logged-in user, as the headers of their requests."""

    user_id: int
    username: str
    headers: str

    @classmethod
    async def sign_up(cls, url: URL, username: str) -> "Visitor":
        async with Person(url) as person:
            await person.sign_up(username)
            cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
            headers = f"Host: {url.host}\r\nCookie: {cookie}\r\nX-CSRFToken: {person.csrf}\r\n"
            return cls(person.user["id"], username, headers)

    def post(self, path: str, body: object, key: str | None = None) -> bytes:
        """A POST, ready to be sent."""
        content = json.dumps(body).encode()
        extra = f"Idempotency-Key: {key}\r\n" if key is not None else ""
        head = f"POST {path} HTTP/1.1\r\n{self.headers}{extra}Content-Type: application/json\r\n"
        return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content

    def get(self, path: str) -> bytes:
        """A GET, ready to be sent."""
        return f"GET {path} HTTP/1.1\r\n{self.headers}\r\n".encode()


class Connection:
    """One kept-alive connection: a request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: URL) -> "Connection":
        return cls(*await asyncio.open_connection(url.host, url.port))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the response."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


@dataclass
class Run:
    """What a run took: seconds in all, and of each request."""

    wall_s: float
    seconds: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall_s


async def run(url: URL, make: Callable[[int, int], bytes], *, connections: int, each: int, status: int) -> Run:
    """`each` requests over each of so many connections at once; `make(connection, number)` gives the request."""
    opened = await asyncio.gather(*(Connection.open(url) for _ in range(connections)))
    seconds: list[float] = []

    async def drive(place: int, connection: Connection) -> None:
        for number in range(each):
            request = make(place, number)
            started = time.perf_counter()
            got, body = await connection.send(request)
            seconds.append(time.perf_counter() - started)
            assert got == status, (got, body)

    started = time.perf_counter()
    await asyncio.gather(*(drive(place, connection) for place, connection in enumerate(opened)))
    wall_s = time.perf_counter() - started
    for connection in opened:
        connection.close()
    return Run(wall_s, seconds)
