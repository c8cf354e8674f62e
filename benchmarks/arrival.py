"""(e2) From sending to arrival in small rooms, of several programs in turns: what the fan-out itself takes counts here.

One of them is told nothing by its writer, so its fan-out reads the log. Each has a database of its own on one server,
and a hub in its process. They take turns, some messages at a time, so that the machine's moods meet all of them alike.
`BEFORE=folder` adds the program of another checkout, whose schema must be today's.
"""

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import fmean, median
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from api.schema import bring_up_to_date
from benchmarks.fanout import MAKE_WARM, Crowd, Sender, arrivals_of, login, open_crowd, sender
from benchmarks.hub_clients import clients, received
from benchmarks.load import Visitor
from benchmarks.posting import BEGIN_AFTER_THEM, open_room, post_into
from benchmarks.server import TODAY, Program, Served, cpu_s, postgres, postgres_cpu_s, service
from benchmarks.tables import ms, table
from tests.support.realtime import server as realtime
from tests.support.store import open_store

SIZES = (2, 100)
ROUNDS, EACH = 12, 25
ROOMS, CONNECTIONS, POSTS = 16, 32, 25


TELLS_NOTHING = "from eventstore.writer.hand_over import HandOver; HandOver.tell = lambda *_: None; "
PERCENTILES = ("p10", "p50", "p99")

T = TypeVar("T")


@dataclass
class Measured:
    """Of some messages: seconds to arrival and to the answer; of each turn, processor time per message in seconds."""

    arrival: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)

    @property
    def cells(self) -> list[str]:
        return [*percentiles(self.arrival), *percentiles(self.answer), *self.cpu_cells]

    @property
    def cpu_cells(self) -> list[str]:
        return [f"{fmean(seconds) * 1000:.2f} ms" for seconds in (self.cpu, self.database_cpu)]


@dataclass
class Running:
    """One of the programs, and what was measured of it: by the size of the room, 0 for many posts at once."""

    name: str
    dsn: str
    served: Served
    who: Visitor
    crowds: Sequence[Crowd]
    rooms: list[UUID]
    measured: defaultdict[int, Measured] = field(default_factory=lambda: defaultdict(Measured))

    @contextlib.asynccontextmanager
    async def turn(self, key: int, messages: int) -> AsyncIterator[Measured]:
        """Counts the processor time of what is done in the block."""
        found, before, database_before = self.measured[key], cpu_s(self.served.pid), await postgres_cpu_s(self.dsn)
        yield found
        found.cpu.append((cpu_s(self.served.pid) - before) / messages)
        found.database_cpu.append((await postgres_cpu_s(self.dsn) - database_before) / messages)


def percentiles(seconds: Sequence[float]) -> list[str]:
    """The 10th is of the moments at which the machine did nothing else."""
    ordered = sorted(seconds)
    return [ms(ordered[len(ordered) * part // 100]) for part in (10, 50, 99)]


def programs() -> dict[str, Program]:
    """What takes turns, by name."""
    found = {"reads the log": Program(prepared=TELLS_NOTHING), "is handed over": TODAY}
    if (folder := os.environ.get("BEFORE")) is not None:
        found = {"before": Program(folder=Path(folder)), **found}
    return found


async def run() -> None:
    async with postgres() as dsn, contextlib.AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(_running(name, program, await new_database(dsn, f"program_{number}")))
            for number, (name, program) in enumerate(programs().items())
        ]
        for crowd in range(len(SIZES)):
            await _arrivals(running, crowd)
        await _posts(running)
    table(
        "From sending to arrival in turns, embedded hub",
        (
            *("members", "fan-out", *(f"arrival: {each}" for each in PERCENTILES)),
            *(*(f"answer: {each}" for each in PERCENTILES), "server CPU per message", "PostgreSQL CPU"),
        ),
        [(f"{size}", each.name, *each.measured[size].cells) for size in SIZES for each in running],
    )
    table(
        f"{CONNECTIONS} connections into {ROOMS} rooms of one, in turns",
        ("fan-out", "posts/s", "server CPU per post", "PostgreSQL CPU"),
        [(each.name, f"{median(each.measured[0].rate):,.0f}", *each.measured[0].cpu_cells) for each in running],
    )


async def new_database(dsn: str, name: str) -> str:
    """The URL of another database on this server, with today's schema."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = urlsplit(dsn)._replace(path=f"/{name}").geturl()
    connection = await asyncpg.connect(url)
    await bring_up_to_date(connection)
    await connection.close()
    return url


@contextlib.asynccontextmanager
async def _running(name: str, program: Program, dsn: str) -> AsyncIterator[Running]:
    async with service(dsn, program, CENTRIFUGO_TOKEN_SECRET=realtime.SECRET) as served:
        ada = await Visitor.sign_up(served.url, "ada")
    async with open_store(dsn, secret=realtime.SECRET) as store:
        crowds = [await open_crowd(store, ada, size) for size in SIZES]
        rooms = [await open_room(store, f"Room {number}", ada.user_id) for number in range(ROOMS)]
        await store.database.execute(BEGIN_AFTER_THEM)
        await store.database.execute(MAKE_WARM, crowds[-1].members)
    async with service(dsn, program, CENTRIFUGO_TOKEN_SECRET=realtime.SECRET) as served:
        yield Running(name, dsn, served, ada, crowds, rooms)


async def _arrivals(running: Sequence[Running], place: int) -> None:
    """Messages one by one, each once the one before has arrived."""
    async with contextlib.AsyncExitStack() as stack:
        listening = []
        for each in running:
            assert each.served.url.port is not None
            logins = [login(user_id) for user_id in each.crowds[place].members]
            pipe = stack.enter_context(clients(each.served.url.port, logins))
            await received(pipe)
            listening.append((each, pipe))
        for number in range(-1, ROUNDS):
            for each, pipe in _order(listening, number):
                async with sender(each.who, each.served.url, None) as talking:
                    await _messages(each, each.crowds[place], talking, pipe, counts=number >= 0)


async def _messages(each: Running, crowd: Crowd, talking: Sender, pipe: Pipe, *, counts: bool) -> None:
    async def post() -> None:
        started = time.perf_counter()
        await talking.post(crowd)
        found.answer.append(time.perf_counter() - started)

    async with each.turn(crowd.size if counts else -1, EACH) as found:
        for _ in range(EACH):
            arrived = await arrivals_of(pipe, crowd.size, post())
            found.arrival += [arrival.latency_s for arrival in arrived]


async def _posts(running: Sequence[Running]) -> None:
    """Many posts at once, with nobody who listens."""
    for number in range(-1, ROUNDS):
        for each in _order(running, number):
            async with each.turn(0 if number >= 0 else -1, CONNECTIONS * POSTS) as found:
                posts = await post_into(each.served, each.who, each.rooms, connections=CONNECTIONS, each=POSTS)
                found.rate.append(posts.per_second)


def _order(running: Sequence[T], number: int) -> Sequence[T]:
    """Who begins changes from round to round."""
    return running if number % 2 else running[::-1]
