"""(f) Fan-out in 1, 2 and 4 lanes, each in a process of its own: publications a second, and single messages."""

import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from benchmarks.fanout import (
    COLUMNS_OF_FAULTS,
    LISTENING,
    WARM_UP,
    Crowd,
    Faults,
    arrivals_of,
    login,
    open_crowd,
    sender,
)
from benchmarks.hub_clients import clients, received
from benchmarks.load import Visitor
from benchmarks.posting import BEGIN_AFTER_THEM
from benchmarks.server import Served, cpu_s, postgres, service
from benchmarks.tables import p50_p99, table
from eventstore.log import LAST_POSITION
from projections.fanout.resize import change_lanes
from tests.support.conditions import eventually
from tests.support.lanes_under_test import lanes_of, published_to
from tests.support.operator import OPERATOR
from tests.support.realtime import server as realtime
from tests.support.store import open_store

LANES = (1, 2, 4)
SIZE = 10_000
SINGLE, TOGETHER, EACH = 30, 4, 10


async def run() -> None:
    kind: realtime.Kind = "centrifugo" if realtime.binary() else "hub"
    rows = []
    async with postgres() as dsn:
        async with service(dsn) as served:
            ada = await Visitor.sign_up(served.url, "ada")
        async with open_store(dsn) as store:
            crowd = await open_crowd(store, ada, SIZE)
            await store.database.execute(BEGIN_AFTER_THEM)
        with (
            tempfile.TemporaryDirectory() as folder,
            realtime.running(kind, Path(folder), json.loads(realtime.CONFIG.read_text())) as server,
        ):
            for lanes in LANES:
                await change_lanes(lanes, dsn, operator=OPERATOR)
                rows.append(await _measure(dsn, server, ada, crowd, lanes))
    columns = (
        "lanes and processes",
        "publications/s",
        "CPU of all processes per 1,000",
        "p50",
        "p99",
        *COLUMNS_OF_FAULTS,
    )
    table(f"A room of {SIZE:,}, all warm, by lanes; {kind}", columns, rows)


async def _measure(dsn: str, server: realtime.Server, ada: Visitor, crowd: Crowd, lanes: int) -> Sequence[str]:
    environment = {
        "CENTRIFUGO_API_URL": server.api_url,
        "CENTRIFUGO_API_KEY": realtime.API_KEY,
        "CENTRIFUGO_TOKEN_SECRET": realtime.SECRET,
        "COLD_AFTER": "never",
    }
    listening = crowd.spread(LISTENING)
    async with AsyncExitStack() as running:
        processes = [await running.enter_async_context(service(dsn, **environment)) for _ in range(lanes)]
        await eventually(lambda: _is_spread(dsn, processes), timeout_s=30)
        talking = await running.enter_async_context(sender(ada, processes[0].url, None))
        faults, single = Faults(), list[float]()
        with clients(server.port, [login(user_id) for user_id in listening]) as pipe:
            await received(pipe)
            for number in range(SINGLE + WARM_UP):
                arrived = await arrivals_of(pipe, len(listening), talking.post(crowd))
                faults.count(arrived, clients=len(listening), messages=1)
                single += [arrival.latency_s for arrival in arrived] if number >= WARM_UP else []
            before, started = _cpu_s(processes), time.perf_counter()
            posting = talking.post_together(crowd, connections=TOGETHER, each=EACH)
            arrived = await arrivals_of(pipe, len(listening) * TOGETHER * EACH, posting)
            took, cpu = time.perf_counter() - started, _cpu_s(processes) - before
            faults.count(arrived, clients=len(listening), messages=TOGETHER * EACH)
        await published_to(dsn, await _head(dsn))  # a new layout needs all lanes at one position
    publications = SIZE * TOGETHER * EACH
    per_thousand = f"{cpu / publications * 1e6:.1f} ms"
    return (str(lanes), f"{publications / took:,.0f}", per_thousand, *p50_p99(single), *faults.cells)


async def _head(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(LAST_POSITION))
    finally:
        await connection.close()


async def _is_spread(dsn: str, processes: Sequence[Served]) -> bool:
    """Whether each process holds a lane."""
    holders = {(lane.holder or "").rpartition(":")[2] for lane in await lanes_of(dsn)}
    return holders == {str(process.pid) for process in processes}


def _cpu_s(processes: Sequence[Served]) -> float:
    return sum(cpu_s(process.pid) for process in processes)
