"""(d) A post beside the least that one can take: processor time of ours and of a bare handler, in turns."""

import asyncio
import contextlib
import statistics
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

from yarl import URL

from benchmarks.load import Visitor
from benchmarks.posting import CONNECTIONS, open_room, post_into
from benchmarks.server import Served, cpu_s, postgres, postgres_cpu_s, service
from benchmarks.tables import table
from tests.support.store import open_store

ROUNDS, EACH = 15, 60
ROOMS = 16


@contextlib.asynccontextmanager
async def bare_service(database_url: str) -> AsyncIterator[Served]:
    """The bare handler in a process of its own, as the service is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bare_server", database_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield Served(URL((await process.stdout.readline()).decode().strip()), process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@dataclass
class Costs:
    """Of each round: processor time per post in milliseconds, of the server and of PostgreSQL, and posts a second."""

    server: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    async def measure(self, dsn: str, served: Served, who: Visitor, rooms: list[UUID], *, each: int = EACH) -> None:
        before, database_before = cpu_s(served.pid), await postgres_cpu_s(dsn)
        result = await post_into(served, who, rooms, connections=CONNECTIONS, each=each)
        posts = len(result.seconds)
        self.server.append((cpu_s(served.pid) - before) / posts * 1000)
        self.database.append((await postgres_cpu_s(dsn) - database_before) / posts * 1000)
        self.rates.append(result.per_second)

    @property
    def medians(self) -> tuple[float, float, float]:
        return statistics.median(self.server), statistics.median(self.database), statistics.median(self.rates)


async def measure() -> tuple[Costs, Costs]:
    """Ours and the bare handler's, in turns."""
    async with postgres() as dsn, service(dsn) as served, bare_service(dsn) as bare_served:
        async with open_store(dsn) as store:
            ada = await Visitor.sign_up(served.url, "ada")
            rooms = [await open_room(store, f"Room {number}", ada.user_id) for number in range(ROOMS)]
        for warmed in (served, bare_served):
            await Costs().measure(dsn, warmed, ada, rooms, each=20)
        ours, bare = Costs(), Costs()
        for _ in range(ROUNDS):
            await ours.measure(dsn, served, ada, rooms)
            await bare.measure(dsn, bare_served, ada, rooms)
        return ours, bare


async def run() -> None:
    ours, bare = await measure()
    (server, database, rate), (bare_server, bare_database, bare_rate) = ours.medians, bare.medians
    rows = [
        ("ours, idempotency key included", f"{server:.3f} ms", f"{database:.3f} ms", f"{rate:,.0f}"),
        ("bare handler, one group INSERT", f"{bare_server:.3f} ms", f"{bare_database:.3f} ms", f"{bare_rate:,.0f}"),
        (
            "times",
            f"{server / bare_server:.2f}",
            f"{database / bare_database:.2f}",
            f"{(server + database) / (bare_server + bare_database):.2f} with both",
        ),
    ]
    columns = (f"{CONNECTIONS} connections into {ROOMS} rooms", "server CPU per post", "PostgreSQL CPU", "posts/s")
    table("A post beside a bare handler, in turns, medians", columns, rows)
