"""(a) Appends: our writer against the stock recorder of the `eventsourcing` library, in turns on one database.

And what the database alone takes: batches of as many events, built before the clock starts, recorded and committed
without a decision, a fold or a caller.
"""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import asyncpg

from benchmarks.server import postgres
from benchmarks.tables import table
from cli.support.garbage import collect_garbage_less_often
from domain.room import Room
from domain.room.messages import PostMessage
from domain.values import RoomId
from eventstore.words import SALT_BYTES
from postgres.calls import Call
from tests.support.given_when_then import ADA
from tests.support.stock_application import StockRooms, stock_environment
from tests.support.store import Store, open_store

CONTENT = "What was said is kept, proved and replayed. " * 3
COMMANDS = {1: 1500, 16: 16 * 300, 128: 128 * 60}
STOCK_COMMANDS = {1: 400, 16: 16 * 40, 128: 128 * 6}
ROUNDS = 3
STATE_BYTES = 180  # of the state of a sealed message


def stock_run(stock: StockRooms, concurrency: int, commands: int) -> tuple[float, float]:
    """Seconds and processor seconds. Each thread posts into a room of its own, so that none loses a race."""
    rooms = [Room.open(name=f"Stock {number}", user_id=ADA) for number in range(concurrency)]
    for room in rooms:
        stock.save(room)

    def post(room: Room) -> None:
        for _ in range(commands // concurrency):
            room.post(user_id=ADA, content=CONTENT)
            stock.save(room)

    started, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(concurrency) as threads:
        list(threads.map(post, rooms))
    return time.perf_counter() - started, time.process_time() - cpu


async def our_run(store: Store, rooms: list[RoomId], concurrency: int, commands: int) -> tuple[float, float]:
    async def post(number: int) -> None:
        room_id = rooms[number % len(rooms)]
        for _ in range(commands // concurrency):
            await store.chat.post_message(PostMessage(room_id, ADA, CONTENT))

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(post(number) for number in range(concurrency)))
    return time.perf_counter() - started, time.process_time() - cpu


async def database_run(dsn: str, concurrency: int, commands: int) -> float:
    """Seconds for the batches that `our_run` needs at the least."""
    connection = await asyncpg.connect(dsn, server_settings={"plan_cache_mode": "force_generic_plan"})
    state, salt = b"x" * STATE_BYTES, b"x" * SALT_BYTES
    batches = [
        Call(
            "record_events_v2",
            "none",
            [uuid4() for _ in range(concurrency)],
            [1] * concurrency,
            ["bare"] * concurrency,
            [state] * concurrency,
            [salt] * concurrency,
            [CONTENT] * concurrency,
            [None] * concurrency,
            [None] * concurrency,
            *([] for _ in range(5)),
        )
        for _ in range(commands // concurrency)
    ]
    started = time.perf_counter()
    for batch in batches:
        async with connection.transaction():
            await batch.fetch(connection)
    took = time.perf_counter() - started
    await connection.close()
    return took


@dataclass(frozen=True)
class Appended:
    """At a number of commands at once: events a second, and processor seconds per event of this process."""

    concurrency: int
    rate: float
    stock_rate: float
    bare_rate: float
    cpu_s: float
    stock_cpu_s: float

    @property
    def cells(self) -> tuple[object, ...]:
        rates = (f"{self.rate:,.0f}", f"{self.stock_rate:,.0f}", f"{self.rate / self.stock_rate:.1f}")
        costs = (f"{cpu_s * 1e6:.0f} µs" for cpu_s in (self.cpu_s, self.stock_cpu_s))
        return self.concurrency, *rates, f"{self.bare_rate:,.0f}", *costs


async def measure() -> list[Appended]:
    """All in turns, a few rounds, the best of each: the machine's other work only ever slows a run down."""
    async with postgres() as dsn, open_store(dsn, capacity=1000) as store:
        collect_garbage_less_often()  # as the server does
        stock = StockRooms(env={**stock_environment(dsn), "POSTGRES_POOL_SIZE": "32"})
        rooms = [await store.open_room(f"Ours {number}", by=ADA) for number in range(128)]
        found = []
        for concurrency, commands in COMMANDS.items():
            ours, theirs, bare = [], [], []
            stock_commands = STOCK_COMMANDS[concurrency]
            for _ in range(ROUNDS):
                ours.append(await our_run(store, rooms, concurrency, commands))
                theirs.append(await asyncio.to_thread(stock_run, stock, concurrency, stock_commands))
                bare.append(await database_run(dsn, concurrency, commands))
            (wall, cpu), (stock_wall, stock_cpu) = min(ours), min(theirs)
            rates = (commands / wall, stock_commands / stock_wall, commands / min(bare))
            found.append(Appended(concurrency, *rates, cpu / commands, stock_cpu / stock_commands))
        stock.close()
        return found


async def run() -> None:
    columns = (
        "commands at once",
        "ours, events/s",
        "stock, events/s",
        "ours / stock",
        "database alone",
        "CPU per event, ours",
        "stock",
    )
    rows = [each.cells for each in await measure()]
    table(f"Appends, ours with inline read models, stock without ({os.cpu_count()} cores)", columns, rows)
