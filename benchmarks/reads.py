"""Reads over HTTP: lists, pages, the cursor, search and the feed, over as much data as somebody busy has."""

import asyncio
from collections.abc import Iterable

from benchmarks.load import load
from benchmarks.service import Caller, Postgres, Running, analyze, caller_of, create_schema, people, postgres, server_on
from benchmarks.table import Table, ms
from domain.values import PostMessage, RoomId, UserId
from tests.people import Person
from tests.store import open_store

ROOMS, MESSAGES = 1_000, 10_000
AT_ONCE = 500
CONNECTIONS = 8
WARM_UP_S, SECONDS = 0.5, 3.0
CONTENT = "The Engine weaves algebraical patterns just as the loom weaves flowers."
COLUMNS = ("read", "requests/s", "p50", "p99", "server CPU a request", "PostgreSQL CPU a request")


async def run() -> list[Table]:
    with postgres() as database:
        await create_schema(database)
        async with server_on(database) as running, people(running, 1) as (person,):
            room_id = await seed(database, UserId(person.user["id"]))
            await analyze(database)
            last = (await person.get("/api/rooms/")).position
            room = f"/api/rooms/{room_id}"
            rows = [
                await read(running, person, name, path)
                for name, path in (
                    (f"rooms, first 100 of {ROOMS:,}", "/api/rooms/"),
                    (f"rooms, last 100 of {ROOMS:,}", f"/api/rooms/?page={ROOMS // 100}"),
                    ("one room", f"{room}/"),
                    (f"messages, newest 100 of {MESSAGES:,}", f"{room}/messages/"),
                    (f"messages, last page of {MESSAGES:,}", f"{room}/messages/?page={MESSAGES // 100}"),
                    ("messages, 50 before an id", f"{room}/messages/?before={MESSAGES // 2}&limit=50"),
                    (f"search by name in {ROOMS:,} rooms", "/api/search/?q=room 77"),
                    ("events of a room, 200", f"{room}/events/?after={MESSAGES // 2}"),
                    ("feed, nothing missed", f"/api/feed/?after={last}"),
                    ("feed, 10 missed", f"/api/feed/?after={last - 10}"),
                )
            ]
    return [Table(f"Reads: {CONNECTIONS} connections", COLUMNS, rows)]


async def seed(database: Postgres, user_id: UserId) -> RoomId:
    """A thousand rooms of this user with a message in each, and ten thousand messages in one: its id."""
    async with open_store(database.dsn, capacity=ROOMS) as store:
        rooms: list[RoomId] = []
        for start in range(0, ROOMS, AT_ONCE):
            names = [f"Room {number}" for number in range(start, start + AT_ONCE)]
            rooms += await asyncio.gather(*(store.open_room(name, by=user_id) for name in names))

        async def post_all(into: Iterable[RoomId]) -> None:
            await asyncio.gather(*(store.chat.post_message(PostMessage(room, user_id, CONTENT)) for room in into))

        for _ in range(0, MESSAGES, AT_ONCE):
            await post_all([rooms[0]] * AT_ONCE)
        await post_all(rooms)
        return rooms[0]


async def read(running: Running, person: Person, name: str, path: str) -> tuple[str, ...]:
    """One row: the same read over and over."""
    caller: Caller = caller_of(person)
    async with load(running.port, [[caller.get(path.replace(" ", "%20"))]] * CONNECTIONS) as generator:
        await generator.run(WARM_UP_S)
        before = running.cpu()
        measured = await generator.run(SECONDS)
        spent = running.cpu().since(before)
    return (
        name,
        f"{measured.per_second:,.0f}",
        ms(measured.quantile_s(50)),
        ms(measured.quantile_s(99)),
        ms(spent.server / measured.requests),
        ms(spent.postgres / measured.requests),
    )
