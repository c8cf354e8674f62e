"""(k) Search in a million messages."""

import random
import time
from collections.abc import Iterator
from itertools import accumulate
from typing import Any
from uuid import UUID

from api.wiring import create_fold
from benchmarks.history import copy_events
from benchmarks.server import postgres
from benchmarks.tables import ms, p50_p99, table
from domain.room import Room
from domain.room.attaching import Attached
from domain.values import UserId
from projections.search.query import parse
from replay.progress import unwatched
from replay.rebuild.rebuild import rebuild
from tests.support.store import Store, open_store

MESSAGES = 1_000_000
ROOMS = 1_000
EVERYWHERE, SOMEWHERE = UserId(1), UserId(2)
FEW = 3
"""Rooms that the second person is in."""

VOCABULARY = 20_000
WORDS = 12
"""Of a message. The word number n is said 1/n as often as the first one, which is in most messages."""

QUERIES = {
    "a common word": "w1",
    "a word in one message of a hundred": "w400",
    "a rare word": "quaternion",
    "no hit": "nothinglikeit",
    "a phrase": '"night shift"',
    "a phrase of two common words": '"w1 w2"',
    "a phrase of common words that nobody said": '"w3 w2 w1 w4 w7"',
    "two words that are rarely said together": "w700 w900",
    "the beginning of words": "w12*",
    "Chinese, two characters": "東京",
    "Chinese, one character": "東",
    "a common word on an early day": "w1 before:2001-01-01",
    "links of one person": "has:link from:user7",
    "files of one person": "has:file from:user7",
    "a common word of one person": "w1 from:user7",
    "a common word in a room": 'w1 in:"Room 334"',
    "a rare word in a room": 'quaternion in:"Room 334"',
    "what one person said": "from:user7",
}


def said() -> Iterator[Any]:
    """What is said in many rooms at once, by few people in each."""
    chance = random.Random(8)
    weights = list(accumulate(1 / number for number in range(1, VOCABULARY + 1)))
    vocabulary = [f"w{number}" for number in range(1, VOCABULARY + 1)]
    rooms = [Room.open(name=f"Room {number}", user_id=EVERYWHERE) for number in range(ROOMS)]
    for number, room in enumerate(rooms):
        if number % (ROOMS // FEW) == 1:
            room.join(user_id=SOMEWHERE)
        room.join(user_id=UserId(3 + number))
        yield from room.collect_events()
    for number in range(MESSAGES):
        place = int(ROOMS * chance.random() ** 3)  # some rooms are busy
        words = chance.choices(vocabulary, cum_weights=weights, k=WORDS)
        if number % 100_000 == 5_001:
            words.append("quaternion")
        if number % 1_000 == 7:
            words += ["night", "shift"]
        if number % 100 == 3:
            words.append("https://example.org/a")
        if number % 20 == 0:
            words = ["".join(chr(0x4E00 + int(3000 * chance.random() ** 2)) for _ in range(30))]
        if number % 2_000 == 0:
            words.append("東京大学")
        files = [Attached(UUID(int=number), "0" * 64, 1, "image/png", None, None)] if number % 200 == 9 else []
        rooms[place].post(
            user_id=UserId(3 + place if chance.random() < 0.5 else EVERYWHERE), content=" ".join(words), attached=files
        )
        yield from rooms[place].collect_events()


async def fill(dsn: str) -> tuple[float, float]:
    """A log with its read models and its index; how many seconds the index took, and the processor of this process."""
    async with open_store(dsn) as store:
        for number in range(3 + ROOMS):
            await store.database.execute(
                "INSERT INTO users (username, username_key, password_hash) VALUES ($1, $1, '')", f"user{number + 1}"
            )
    await copy_events(dsn, said())
    await rebuild(create_fold(), dsn, unwatched)
    async with open_store(dsn) as store:
        began, before = time.monotonic(), time.process_time()
        await store.search_index.go_on()
        return time.monotonic() - began, time.process_time() - before


async def measure(store: Store, *, times: int = 20) -> None:
    for who, name in ((EVERYWHERE, f"a person in {ROOMS:,} rooms"), (SOMEWHERE, f"a person in {FEW} rooms")):
        rows = []
        for what, text in QUERIES.items():
            query, seconds, found = parse(text), [], 0
            for _ in range(times):
                began = time.perf_counter()
                found = len((await store.search.find(who, query)).messages)
                seconds.append(time.perf_counter() - began)
            rows.append((what, found, *p50_p99(seconds), ms(seconds[0])))
        table(f"Search in {MESSAGES:,} messages: {name}", ("query", "hits on a page", "p50", "worst", "first"), rows)


async def run() -> None:
    async with postgres() as dsn:
        indexing_s, cpu_s = await fill(dsn)
        print(f"\nindexed in {indexing_s:,.0f} s, {cpu_s:,.0f} s of processor in Python")
        async with open_store(dsn) as store:
            await store.database.execute("VACUUM (ANALYZE)")
            size = await store.database.fetchval("SELECT pg_size_pretty(pg_total_relation_size('search_index'))")
            print(f"the table and its indexes: {size}")
            await measure(store)
