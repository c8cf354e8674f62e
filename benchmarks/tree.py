"""(m) What the tree over the log costs those who post: with it and without, in turns, and how far it is behind."""

import asyncio
import contextlib
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from benchmarks.load import Visitor
from benchmarks.posting import CONNECTIONS, open_room, post_into
from benchmarks.server import TODAY, Program, Served, cpu_s, postgres, postgres_cpu_s, service
from benchmarks.tables import ms, table
from eventstore.log import TABLE as LOG
from postgres import locks
from tests.support.store import open_store

SECRET = bytes(range(32))
TURNS, EACH = 10, 200

WITHOUT_TREE = Program(
    prepared="""
import asyncio
from audit.signing.keeping import TreeKeeping
async def rest(self):
    await asyncio.Event().wait()
TreeKeeping.run = rest
"""
)
KEEPER = """
import uvloop
from api.settings import Settings
from api.wiring import create_tree_keeping
from postgres.database import Database
async def keep():
    settings = Settings.from_environment()
    database = await Database.connect(settings.database_url, size=1)
    await database.execute("SET application_name = 'keeper'")
    await create_tree_keeping(settings, database).run()
uvloop.run(keep())
"""
READ_KEEPER = "SELECT pid FROM pg_stat_activity WHERE application_name = 'keeper'"

READ_LAG = f"""
SELECT coalesce(extract(epoch FROM now() - min(committed)), 0)::float FROM (
    SELECT (convert_from(state, 'utf8')::jsonb -> 'timestamp' ->> '_data_')::timestamptz AS committed
    FROM {LOG} WHERE notification_id > (SELECT position FROM audit_epochs) ORDER BY notification_id LIMIT 1
) AS oldest
"""


@dataclass(frozen=True)
class Turn:
    """What some thousand posts took: `server_s` and `database_s`, the processor time of each."""

    per_second: float
    server_s: float
    database_s: float

    @property
    def cpu_s(self) -> float:
        return self.server_s + self.database_s


async def run() -> None:
    async with _served(WITHOUT_TREE) as (dsn, served, ada, rooms):
        await _apart(dsn, served, ada, rooms)
    async with _served(TODAY) as (dsn, served, ada, rooms):
        await _together(dsn, served, ada, rooms)


@contextlib.asynccontextmanager
async def _served(program: Program) -> AsyncIterator[tuple[str, Served, Visitor, list[UUID]]]:
    """A service, someone who posts, and rooms, warm."""
    async with (
        postgres() as dsn,
        open_store(dsn) as opened,
        service(dsn, program, AUDIT_KEY=SECRET.hex(), AUDIT_VERIFY_EVERY="off") as served,
    ):
        ada = await Visitor.sign_up(served.url, "ada")
        rooms = [await open_room(opened, f"Room {number}", ada.user_id) for number in range(16)]
        await post_into(served, ada, rooms, connections=CONNECTIONS, each=EACH)
        yield dsn, served, ada, rooms


async def _apart(dsn: str, served: Served, ada: Visitor, rooms: list[UUID]) -> None:
    """The tree in a process of its own, with a connection of its own, so that each has its processor time."""
    connection = await asyncpg.connect(dsn)
    with tempfile.TemporaryDirectory(prefix="onrecord-bench-") as folder:
        environment = {"DATABASE_URL": dsn, "DATA_DIR": folder, "AUDIT_KEY": SECRET.hex()}
        keeper = await asyncio.create_subprocess_exec(sys.executable, "-c", KEEPER, env=environment)
        while (backend := await connection.fetchval(READ_KEEPER)) is None:  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.1)
        await _caught_up(connection)
        rows = []
        for _ in range(TURNS):
            before, keeper_before, backend_before = await _cpu(dsn, served), cpu_s(keeper.pid), cpu_s(backend)
            await post_into(served, ada, rooms, connections=CONNECTIONS, each=EACH)
            kept, database = cpu_s(keeper.pid) - keeper_before, cpu_s(backend) - backend_before
            rows.append((await _cpu(dsn, served) - before - database, kept, database))
        keeper.terminate()
        await keeper.wait()
    await connection.close()
    posting, kept, database = (sum(column) for column in zip(*rows, strict=True))
    thousands = CONNECTIONS * EACH * TURNS / 1000
    shown = (f"{time / thousands * 1000:.1f} ms" for time in (posting, kept, database))
    columns = ("processor time", "to post", "the tree, Python", "the tree, PostgreSQL", "share of the tree")
    table(f"{thousands:,.0f},000 posts", columns, [("1,000 events", *shown, f"{(kept + database) / posting:.1%}")])


async def _cpu(dsn: str, served: Served) -> float:
    return cpu_s(served.pid) + await postgres_cpu_s(dsn)


async def _together(dsn: str, served: Served, ada: Visitor, rooms: list[UUID]) -> None:
    """As it runs: the tree in the process that serves, and in every other turn nothing of it."""
    without, with_tree, lags = await _in_turns(dsn, served, ada, rooms)
    rows = [("without the tree", *_medians(without)), ("with it", *_medians(with_tree))]
    columns = ("32 connections into 16 rooms", "posts/s", "server CPU per post", "PostgreSQL CPU per post")
    table(f"POST messages while the tree grows, medians of {TURNS} turns", columns, rows)
    pairs = list(zip(without, with_tree, strict=True))
    _say_shares("processor time per post", [one.cpu_s / other.cpu_s - 1 for other, one in pairs])
    _say_shares("posts/s", [one.per_second / other.per_second - 1 for other, one in pairs])
    print(f"The tree was behind by {ms(statistics.median(lags))} (median), {ms(max(lags))} at most.")


async def _in_turns(
    dsn: str, served: Served, ada: Visitor, rooms: list[UUID]
) -> tuple[list[Turn], list[Turn], list[float]]:
    """Without the tree: another connection holds its lock, so that it does not grow."""
    holder, watcher = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    turns: dict[bool, list[Turn]] = {False: [], True: []}
    lags: list[float] = []
    for turn in range(2 * TURNS):
        grows = turn % 4 in (0, 3)
        await _caught_up(watcher)
        if not grows:
            while not await locks.AUDIT_TREE.try_take(holder):  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.01)
        watching = asyncio.create_task(_watch_lag(watcher, lags if grows else []))
        turns[grows].append(await _turn(dsn, served, ada, rooms))
        watching.cancel()
        await asyncio.wait([watching])
        if not grows:
            await locks.AUDIT_TREE.release(holder)
    await holder.close()
    await watcher.close()
    return turns[False], turns[True], lags


async def _turn(dsn: str, served: Served, ada: Visitor, rooms: list[UUID]) -> Turn:
    before, database_before = cpu_s(served.pid), await postgres_cpu_s(dsn)
    result = await post_into(served, ada, rooms, connections=CONNECTIONS, each=EACH)
    database = await postgres_cpu_s(dsn) - database_before
    return Turn(result.per_second, cpu_s(served.pid) - before, database)


def _medians(turns: Sequence[Turn]) -> tuple[str, str, str]:
    posts = CONNECTIONS * EACH
    rate = statistics.median(turn.per_second for turn in turns)
    server = statistics.median(turn.server_s for turn in turns)
    database = statistics.median(turn.database_s for turn in turns)
    return f"{rate:,.0f}", f"{server / posts * 1000:.3f} ms", f"{database / posts * 1000:.3f} ms"


def _say_shares(name: str, shares: Sequence[float]) -> None:
    low, middle, high = statistics.quantiles(shares, n=4)
    pairs = f"in the median of {len(shares)} pairs (quartiles {low:+.1%}, {high:+.1%})"
    print(f"With the tree, {name}: {middle:+.1%} {pairs}.")


async def _watch_lag(connection: asyncpg.Connection, lags: list[float]) -> None:
    while True:
        lags.append(await connection.fetchval(READ_LAG))
        await asyncio.sleep(0.1)


async def _caught_up(connection: asyncpg.Connection) -> None:
    while await connection.fetchval(READ_LAG) > 0:  # noqa: ASYNC110 - what is waited for is in another process
        await asyncio.sleep(0.1)
