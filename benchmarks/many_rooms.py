"""(d2) What a person in a thousand rooms gets, of several programs in turns: their feed, and the page of a room.

And what an index on the positions in each stream costs an append. `BEFORE=folder` adds the program of another checkout,
whose schema must be today's. Each has a copy of one database.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from urllib.parse import urlsplit

import asyncpg

from benchmarks.arrival import new_database
from benchmarks.bare import Costs
from benchmarks.load import Run, Visitor
from benchmarks.load import run as drive
from benchmarks.posting import BEGIN_AFTER_THEM, open_room
from benchmarks.server import TODAY, Program, Served, cpu_s, postgres, postgres_cpu_s, service
from benchmarks.tables import p50_p99, table
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from eventstore.log import TABLE
from eventstore.values import Version
from projections.readmodels.reading.read_marks import ReadMarks
from tests.support.store import Store, open_store

ROOMS, SAID, TALK = 1_000, 30, 5_000
"""Rooms of the person, as many without them, messages in each; then more in twenty rooms."""

BUSY = 20
ROUNDS, EACH = 7, 30
POST_ROUNDS, POSTS = 11, 60
INDEX = f"CREATE INDEX {TABLE}_stream_position_idx ON {TABLE} (originator_id, notification_id)"


@dataclass
class Measured:
    """Seconds of each request; of each turn, processor time per request in seconds."""

    seconds: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)

    @property
    def cells(self) -> tuple[str, ...]:
        return *p50_p99(self.seconds), *(f"{fmean(each) * 1000:.2f} ms" for each in (self.server, self.database))


@dataclass
class Running:
    """One of the programs, its person, and what they ask for, by name."""

    name: str
    dsn: str
    served: Served
    who: Visitor
    paths: dict[str, str]
    measured: dict[str, Measured] = field(default_factory=dict)

    async def get(self, name: str, *, each: int) -> Run:
        request = f"GET {self.paths[name]} HTTP/1.1\r\n{self.who.headers}Accept-Encoding: gzip\r\n\r\n".encode()
        return await drive(self.served.url, lambda _place, _number: request, connections=1, each=each, status=200)

    async def measure(self, name: str) -> None:
        found = self.measured.setdefault(name, Measured())
        before, database_before = cpu_s(self.served.pid), await postgres_cpu_s(self.dsn)
        result = await self.get(name, each=EACH)
        found.seconds += result.seconds
        found.server.append((cpu_s(self.served.pid) - before) / EACH)
        found.database.append((await postgres_cpu_s(self.dsn) - database_before) / EACH)


async def fill(store: Store, user_id: UserId) -> dict[str, str]:
    """A log; and paths, by name."""
    others = UserId(user_id + 1)
    names = [[f"{side} {number}" for number in range(ROOMS)] for side in ("Mine", "Others")]
    rooms = [await asyncio.gather(*(store.open_room(name, by=others) for name in side)) for side in names]
    await asyncio.gather(*(store.chat.join_room(JoinRoom(RoomId(room), user_id)) for room in rooms[0]))
    everywhere = [room for pair in zip(*rooms, strict=True) for room in pair]
    begin = {}
    for number in range(SAID):
        if number == SAID // 2:
            begin["200 events, half of the log is theirs"] = await head(store)
        await say(store, others, everywhere, f"{number}")
    begin["200 events of the busiest of their rooms"] = await head(store)
    await say(store, others, rooms[0][:BUSY] * (TALK // BUSY), "busy")
    begin["200 events, a hundredth of the log is theirs"] = await head(store)
    for number in range(200):
        await say(store, others, [*rooms[1][: ROOMS // 10], rooms[0][number]], f"rare {number}")
    await say(store, others, rooms[1][:100], "not theirs")
    begin["nothing of theirs in 100 events"] = await head(store) - 100
    begin["nothing new"] = await head(store)
    paths = {f"feed, {name}": f"/api/feed/?after={position}" for name, position in begin.items()}
    read, unread = rooms[0][-1], rooms[0][0]
    await ReadMarks(store.database).move(user_id, read, Version(2**60))
    return {**paths, "page of a room": f"/rooms/{read}/", "page of a room, much unread": f"/rooms/{unread}/"}


async def head(store: Store) -> int:
    return int(await store.database.fetchval(f"SELECT max(notification_id) FROM {TABLE}"))


async def say(store: Store, by: UserId, rooms: list[RoomId], content: str) -> None:
    for start in range(0, len(rooms), 1000):
        posts = (PostMessage(RoomId(room), by, content) for room in rooms[start : start + 1000])
        await asyncio.gather(*(store.chat.post_message(post) for post in posts))


async def _filled(database_url: str) -> tuple[Visitor, dict[str, str]]:
    """Fill a database; returns the person, and paths by name."""
    async with service(database_url) as served:
        ada = await Visitor.sign_up(served.url, "ada")
    async with open_store(database_url, capacity=3000) as store:
        paths = await fill(store, UserId(ada.user_id))
        await store.search_index.go_on()  # or the service would be at that meanwhile
        await store.database.execute("VACUUM ANALYZE")
        await store.database.execute(BEGIN_AFTER_THEM)
    return ada, paths


@contextlib.asynccontextmanager
async def _running(
    name: str, program: Program, filled: str, who: Visitor, paths: dict[str, str]
) -> AsyncIterator[Running]:
    database_url = await copy_of(filled, f"of_{name}")
    async with service(database_url, program) as served:
        yield Running(name, database_url, served, who, paths)


async def copy_of(database_url: str, name: str) -> str:
    """The URL of another database with the same contents. Nothing may be connected to the one that is copied."""
    url = urlsplit(database_url)
    connection = await asyncpg.connect(url._replace(path="/postgres").geturl())
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {url.path[1:]} STRATEGY FILE_COPY")
    await connection.close()
    return url._replace(path=f"/{name}").geturl()


async def run() -> None:
    async with postgres() as dsn:
        await _reads(dsn)
    async with postgres() as dsn:
        await _posts(dsn)


async def _reads(dsn: str) -> None:
    programs = {"today": TODAY}
    if (folder := os.environ.get("BEFORE")) is not None:
        programs = {"before": Program(folder=Path(folder)), **programs}
    filled = await new_database(dsn, "filled")
    who, paths = await _filled(filled)
    async with contextlib.AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(_running(name, program, filled, who, paths))
            for name, program in programs.items()
        ]
        names = list(running[0].paths)
        for name in names:
            for each in running:
                await each.get(name, each=10)
        for number in range(ROUNDS):
            for name in names:
                for each in running if number % 2 else running[::-1]:
                    await each.measure(name)
    table(
        f"What a person in {ROOMS:,} rooms of {2 * ROOMS:,} gets, in turns",
        ("GET", "program", "p50", "p99", "server CPU", "PostgreSQL CPU"),
        [(name, each.name, *each.measured[name].cells) for name in names for each in running],
    )


async def add_index(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(INDEX)
    await connection.close()


async def _posts(dsn: str) -> None:
    """The same program on two databases."""
    names = ("with", "without")
    async with contextlib.AsyncExitStack() as stack:
        running = []
        for name in names:
            database = await new_database(dsn, f"{name}_index")
            if name == "with":
                await add_index(database)
            served = await stack.enter_async_context(service(database))
            who = await Visitor.sign_up(served.url, "ada")
            async with open_store(database, capacity=3000) as store:
                rooms = [await open_room(store, f"Room {number}", who.user_id) for number in range(ROOMS)]
            running.append((database, served, who, rooms, Costs()))
        for number in range(-1, POST_ROUNDS):
            for database, served, who, rooms, costs in running if number % 2 else running[::-1]:
                await (costs if number >= 0 else Costs()).measure(database, served, who, rooms, each=POSTS)
        sizes = []
        for database, *_ in running:
            connection = await asyncpg.connect(database)
            sizes.append(await connection.fetchval(f"SELECT pg_indexes_size('{TABLE}')::float / count(*) FROM {TABLE}"))
            await connection.close()
    table(
        f"Posts into {ROOMS:,} rooms, with an index on the positions in each stream and without, in turns",
        ("index", "server CPU per post", "PostgreSQL CPU per post", "posts/s", "bytes of the log's indexes per event"),
        [
            (name, f"{server:.3f} ms", f"{database:.3f} ms", f"{rate:,.0f}", f"{size:.0f}")
            for name, (*_, costs), size in zip(names, running, sizes, strict=True)
            for server, database, rate in [costs.medians]
        ],
    )
