"""(b) Posting over HTTP at 32 connections, and (c) into rooms of very different sizes."""

import itertools
from uuid import UUID

from benchmarks.load import Run, Visitor
from benchmarks.load import run as drive
from benchmarks.server import Served, cpu_s, postgres, postgres_cpu_s, service
from benchmarks.tables import p50_p99, table
from domain.values import RoomId, UserId
from eventstore.log import LAST_POSITION
from tests.support.store import Store, open_store

CONNECTIONS, EACH = 32, 250
SIZES = (2, 1_000, 10_000, 100_000)
CONTENT = {"content": "What was said is kept, proved and replayed."}

BEGIN_AFTER_THEM = f"UPDATE fanout_lanes SET position = ({LAST_POSITION})"
"""Start the fan-out after the joins: no client listens to them."""

_keys = itertools.count()


async def open_room(store: Store, name: str, member: int, size: int = 1) -> UUID:
    room_id = await store.open_room(name, by=UserId(member))
    others = iter(range(1_000_000, 1_000_000 + size - 1))
    while chunk := [UserId(user_id) for user_id in itertools.islice(others, 1000)]:
        await store.chat.join_all(RoomId(room_id), chunk)
    return room_id


async def post_into(served: Served, who: Visitor, rooms: list[UUID], *, connections: int, each: int) -> Run:
    paths = [f"/api/rooms/{room_id}/messages/" for room_id in rooms]
    return await drive(
        served.url,
        lambda place, number: who.post(paths[(place + number) % len(paths)], CONTENT, key=str(next(_keys))),
        connections=connections,
        each=each,
        status=201,
    )


async def run() -> None:
    async with postgres() as dsn:
        async with open_store(dsn) as store, service(dsn) as served:
            ada = await Visitor.sign_up(served.url, "ada")
            await _many_connections(dsn, store, served, ada)
        async with open_store(dsn) as store:
            crowds = [await open_room(store, f"Room of {size}", ada.user_id, size) for size in SIZES]
            await store.database.execute(BEGIN_AFTER_THEM)
        async with service(dsn) as served:
            await _room_sizes(served, ada, crowds)


async def _many_connections(dsn: str, store: Store, served: Served, ada: Visitor) -> None:
    rooms = [await open_room(store, f"Room {number}", ada.user_id) for number in range(16)]
    await post_into(served, ada, rooms, connections=CONNECTIONS, each=20)
    rows = []
    for name, into in (("16 rooms", rooms), ("one room", rooms[:1])):
        before, database_before = cpu_s(served.pid), await postgres_cpu_s(dsn)
        result = await post_into(served, ada, into, connections=CONNECTIONS, each=EACH)
        cpu, database_cpu = cpu_s(served.pid) - before, await postgres_cpu_s(dsn) - database_before
        posts = len(result.seconds)
        per_post = (f"{cpu / posts * 1000:.2f} ms", f"{database_cpu / posts * 1000:.2f} ms")
        rows.append((name, f"{result.per_second:,.0f}", *p50_p99(result.seconds), *per_post))
    columns = ("32 connections into", "posts/s", "p50", "p99", "server CPU per post", "PostgreSQL CPU per post")
    table("POST messages, one server process, fan-out running", columns, rows)


async def _room_sizes(served: Served, ada: Visitor, crowds: list[UUID]) -> None:
    """Rooms take turns, request by request, so that the machine's moods meet all of them alike."""
    first = [(await post_into(served, ada, [room_id], connections=1, each=1)).seconds[0] for room_id in crowds]
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(300):
        for size, room_id in zip(SIZES, crowds, strict=True):
            seconds[size] += (await post_into(served, ada, [room_id], connections=1, each=1)).seconds
    rows = [
        (f"{size:,}", f"{cold * 1000:.1f} ms", *p50_p99(seconds[size])) for size, cold in zip(SIZES, first, strict=True)
    ]
    table("POST into rooms by size", ("members", "first, room not in memory", "p50", "p99"), rows)
