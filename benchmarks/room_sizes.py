"""Posting into rooms of 2 to 100,000 members: what the poster waits for, alone on one connection."""

import asyncio
import sys
import time
from pathlib import Path

from benchmarks.load import load
from benchmarks.service import Postgres, analyze, caller_of, create_schema, postgres, server_on
from benchmarks.table import Table, ms
from tests.people import Person

SIZES = (2, 1_000, 10_000, 100_000)
WARM_UP_S, SECONDS = 2.0, 10.0
CONTENT = "The Engine weaves algebraical patterns just as the loom weaves flowers."
COLUMNS = ("members", "time to seed", "first post after a restart", "p50", "p99", "p50 against the smallest")
ONRECORD = Path(sys.executable).with_name("onrecord")


async def run() -> list[Table]:
    with postgres() as database:
        await create_schema(database)
        seeded = [await seed(database, size) for size in SIZES]
        await analyze(database)
        paths = [f"/api/rooms/{room_id}/messages/" for room_id, _ in seeded]
        async with server_on(database) as running, Person(running.service.url) as member:
            await member.log_in("member-1", "demo")
            first = [await first_post(member, path) for path in paths]
            cycle = [caller_of(member).post(path, {"content": CONTENT}) for path in paths]
            async with load(running.port, [cycle]) as generator:
                await generator.run(WARM_UP_S)
                measured = await generator.run(SECONDS)
    smallest = measured.quantile_s(50, place=0)
    rows = [
        (
            f"{size:,}",
            f"{seeded[place][1]:.1f} s",
            ms(first[place]),
            ms(measured.quantile_s(50, place=place)),
            ms(measured.quantile_s(99, place=place)),
            f"{measured.quantile_s(50, place=place) / smallest - 1:+.0%}",
        )
        for place, size in enumerate(SIZES)
    ]
    return [Table("Rooms of many sizes: POST messages into each in turn, one connection", COLUMNS, rows)]


async def seed(database: Postgres, size: int) -> tuple[str, float]:
    """A room of `size` members, made by `onrecord demo`: its id, and the seconds that took, accounts included."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        ONRECORD,
        *("demo", "--room-size", str(size)),
        env={"DATABASE_URL": database.dsn},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    return said.decode().strip(), time.perf_counter() - started


async def first_post(member: Person, path: str) -> float:
    """How long it takes to post into a room that this server has not in memory yet, in seconds."""
    started = time.perf_counter()
    answer = await member.post(path, {"content": CONTENT})
    assert answer.status == 201, answer.raw
    return time.perf_counter() - started
