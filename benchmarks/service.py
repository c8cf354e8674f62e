"""What is measured: a PostgreSQL with production's settings, the server on it, and people who are signed in."""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import msgspec

from benchmarks.cpu import Cpu
from eventstore.embedded import EmbeddedPostgres
from eventstore.migrations import migrate
from tests.people import Person
from tests.serving import Service, serving

UNTHROTTLED = {"REQUEST_RATE": "1e9", "REQUEST_BURST": "1000000000", "DEMO": "no"}


@dataclass(frozen=True)
class Postgres:
    """A running server: its URL and its process."""

    dsn: str
    pid: int


@contextmanager
def postgres(**options: str) -> Iterator[Postgres]:
    """The embedded PostgreSQL as people run it (durable), on a new folder and with today's schema."""
    with (
        tempfile.TemporaryDirectory(prefix="onrecord-bench-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder), options=options) as server,
    ):
        pid = int((Path(folder) / "postgres" / "postmaster.pid").read_text().split()[0])
        yield Postgres(server.dsn, pid)


async def create_schema(database: Postgres) -> None:
    connection = await asyncpg.connect(database.dsn)
    await migrate(connection)
    await connection.close()


async def analyze(database: Postgres) -> None:
    """Let the planner know what was seeded, as autovacuum would within a minute."""
    connection = await asyncpg.connect(database.dsn)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


@dataclass(frozen=True)
class Running:
    """`onrecord serve` with its default settings but for the throttles, and the database below it."""

    service: Service
    database: Postgres

    @property
    def port(self) -> int:
        port = self.service.url.port
        assert port is not None
        return port

    def cpu(self) -> Cpu:
        """What both have spent so far."""
        return Cpu.of(server=self.service.process.pid, postgres=self.database.pid)


@asynccontextmanager
async def server_on(database: Postgres, **environment: str) -> AsyncIterator[Running]:
    """A server process that logs every request, as it does by default, to nowhere."""
    with tempfile.TemporaryDirectory(prefix="onrecord-bench-") as folder:
        settings = {"DATABASE_URL": database.dsn, "DATA_DIR": folder, "LOG_LEVEL": "info", **UNTHROTTLED, **environment}
        async with serving(subprocess.DEVNULL, **settings) as service:
            yield Running(service, database)


@dataclass(frozen=True)
class Caller:
    """Somebody signed in, as their browser sends it: who they are goes with every request."""

    username: str
    headers: bytes

    def get(self, path: str) -> bytes:
        return b"GET %s HTTP/1.1\r\n%s\r\n" % (path.encode(), self.headers)

    def post(self, path: str, body: object) -> bytes:
        payload = msgspec.json.encode(body)
        return b"POST %s HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
            path.encode(),
            self.headers,
            len(payload),
            payload,
        )


def caller_of(person: Person) -> Caller:
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    headers = f"Host: {person.url.host}:{person.url.port}\r\nCookie: {cookies}\r\nX-CSRFToken: {person.csrf}\r\n"
    return Caller(person.user["username"], headers.encode())


@contextlib.asynccontextmanager
async def people(running: Running, count: int) -> AsyncIterator[list[Person]]:
    """So many people who have just signed up."""
    async with contextlib.AsyncExitStack() as visitors:
        those = [await visitors.enter_async_context(Person(running.service.url)) for _ in range(count)]
        await asyncio.gather(*(person.sign_up(f"person-{number}") for number, person in enumerate(those)))
        yield those
