"""Posting over HTTP: 32 people at once, into 16 rooms and into one, a server process with all its parts."""

from collections.abc import Sequence

from benchmarks.load import load
from benchmarks.service import Running, caller_of, create_schema, people, postgres, server_on
from benchmarks.table import Table, ms
from tests.people import Person

PEOPLE = 32
WARM_UP_S, SECONDS = 2.0, 8.0
CONTENT = "The Engine weaves algebraical patterns just as the loom weaves flowers."
COLUMNS = (
    "into",
    "requests/s",
    "p50",
    "p99",
    "server CPU a request",
    "PostgreSQL CPU a request",
    "generator CPU a request",
)


async def run() -> list[Table]:
    with postgres() as database:
        await create_schema(database)
        async with server_on(database) as running, people(running, PEOPLE) as those:
            rows = [
                await posted(running, those, "16 rooms", await rooms_of(those, 16)),
                await posted(running, those, "one room", await rooms_of(those, 1)),
            ]
    return [Table(f"POST messages: {PEOPLE} connections", COLUMNS, rows)]


async def rooms_of(those: Sequence[Person], count: int) -> list[str]:
    """Rooms that the first of these people opened and all are in."""
    rooms = [await those[0].open_room(f"Room {number} of {count}") for number in range(count)]
    for room in rooms:
        for person in those[1:]:
            assert (await person.post(f"/api/rooms/{room}/join/", {})).status == 200
    return rooms


async def posted(running: Running, those: Sequence[Person], name: str, rooms: Sequence[str]) -> tuple[str, ...]:
    """One row: everybody posts into a room of their own share, as fast as they are answered."""
    connections = [
        [caller_of(person).post(f"/api/rooms/{rooms[number % len(rooms)]}/messages/", {"content": CONTENT})]
        for number, person in enumerate(those)
    ]
    async with load(running.port, connections) as generator:
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
        ms(measured.generator_cpu_s / measured.requests),
    )
