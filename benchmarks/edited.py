"""(l) Opening a room in which much was edited and reacted to, next to one in which people only talked."""

import asyncio
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Browser, Page, async_playwright
from yarl import URL

from api.wiring import create_fold
from benchmarks.history import CONTENT, copy_events
from benchmarks.load import Run, Visitor
from benchmarks.load import run as drive
from benchmarks.server import Served, cpu_s, postgres, postgres_cpu_s, service
from benchmarks.tables import ms, p50_p99, table
from domain.questions import SaidMessage
from domain.room import Room
from domain.values import RoomId, UserId
from projections.readmodels.reading.read_marks import MAX_COUNTED
from replay.progress import unwatched
from replay.rebuild.rebuild import rebuild
from tests.support.browser.chromium import SWITCHES, chromium
from tests.support.browser.windows import is_live
from tests.support.store import open_store

MESSAGES, EDITS, REACTIONS = 100_000, 10_000, 50_000
PEOPLE = 60
EMOJI = "👍🎉🚀👀💡🔥"
IDLE_S = 0.1
"""Of processor time in two seconds."""

ROUNDS, EACH = 20, 10
"""The two rooms take turns: what else the machine does meets both."""

RENDERED = ("room", "p50", "p99", "server CPU", "PostgreSQL CPU")
DRAWN = ("room", "in step after, p50", "least")

PLAIN, EDITED = "100,000 messages", "the same, with 10,000 edits and 50,000 reactions"


def talk(room: Room, chance: random.Random) -> Iterator[tuple[int, UserId]]:
    """Everybody comes in and talks; yields the messages, by their ids and authors."""
    for number in range(2, PEOPLE + 1):
        room.join(user_id=UserId(number))
    for _ in range(MESSAGES):
        author = UserId(chance.randint(1, PEOPLE))
        room.post(user_id=author, content=CONTENT)
        yield room.version, author


def act(room: Room, authors: dict[int, UserId], chance: random.Random) -> Iterator[None]:
    """Authors edit, and people react, all over the room; an edit comes after every fifth reaction."""
    ids = list(authors)
    edited = chance.sample(ids, EDITS)
    reacted: set[tuple[int, int, str]] = set()
    while len(reacted) < REACTIONS:
        message, user, emoji = chance.choice(ids), chance.randint(1, PEOPLE), chance.choice(EMOJI)
        if (message, user, emoji) in reacted:
            continue
        reacted.add((message, user, emoji))
        room.react(user_id=UserId(user), said=said(message, authors[message]), emoji=emoji)
        if len(reacted) % (REACTIONS // EDITS) == 0:
            message = edited.pop()
            room.edit(
                user_id=authors[message],
                said=said(message, authors[message]),
                content=f"{CONTENT} Or so.",
                is_in_time=True,
            )
        yield


def said(message: int, author: UserId) -> SaidMessage:
    """What the decision about a message is told of it."""
    nothing: frozenset[str] = frozenset()
    return SaidMessage(message, author, datetime.now(UTC), CONTENT, 0, False, False, 0, nothing, nothing)


def lived(rooms: dict[str, Room]) -> Iterator[Any]:
    """The events of both rooms."""
    for name, room in rooms.items():
        chance = random.Random(15)
        authors = {}
        for message, author in talk(room, chance):
            authors[message] = author
            yield from room.collect_events()
        if name == EDITED:
            for _ in act(room, authors, chance):
                yield from room.collect_events()


async def fill(dsn: str) -> dict[str, RoomId]:
    """Both rooms, with their read models. The first two people have accounts."""
    async with open_store(dsn) as store:
        for number in range(3, PEOPLE + 1):
            await store.database.execute(
                "INSERT INTO users (username, username_key, password_hash) VALUES ($1, $1, '')", f"user{number}"
            )
    rooms = {name: Room.open(name=name, user_id=UserId(1)) for name in (PLAIN, EDITED)}
    await copy_events(dsn, lived(rooms))
    await rebuild(create_fold(), dsn, unwatched)
    async with open_store(dsn) as store:
        await store.search_index.go_on()
        await store.database.execute("VACUUM (ANALYZE)")
        await store.database.execute(
            "INSERT INTO read_marks (user_id, room_id, version) SELECT 1, room_id, version FROM rooms"
        )
    return {name: room.room_id for name, room in rooms.items()}


async def idle(served: Served, dsn: str) -> None:
    """Wait until the service and PostgreSQL are done with the log: the fan-out, the tree, statistics."""
    used = 1.0
    while used > IDLE_S:
        before = cpu_s(served.pid) + await postgres_cpu_s(dsn)
        await asyncio.sleep(2)
        used = cpu_s(served.pid) + await postgres_cpu_s(dsn) - before


async def visits(served: Served, dsn: str, who: Visitor, rooms: dict[str, RoomId]) -> list[tuple[object, ...]]:
    """What the server takes to render each room, asked for one at a time."""
    seconds: dict[str, list[float]] = {name: [] for name in rooms}
    used = {name: [0.0, 0.0] for name in rooms}
    for turn in range(ROUNDS + 1):
        for name, room in rooms.items():
            request = who.get(f"/rooms/{room}/")
            before = cpu_s(served.pid), await postgres_cpu_s(dsn)
            result = await page_of(served.url, request)
            after = cpu_s(served.pid), await postgres_cpu_s(dsn)
            if turn > 0:  # the first one fills caches
                seconds[name] += result.seconds
                used[name] = [total + end - start for total, end, start in zip(used[name], after, before, strict=True)]
    count = ROUNDS * EACH
    return [(name, *p50_p99(seconds[name]), *(ms(cpu / count) for cpu in used[name])) for name in rooms]


async def page_of(url: URL, request: bytes) -> Run:
    return await drive(url, lambda _place, _number: request, connections=1, each=EACH, status=200)


async def shown(page: Page, room: RoomId) -> float:
    """Seconds from asking for a room's page to a page in step."""
    began = time.perf_counter()
    await page.goto(f"/rooms/{room}/")
    await is_live(page)
    return time.perf_counter() - began


async def in_a_browser(browser: Browser, url: URL, who: Visitor, rooms: dict[str, RoomId]) -> list[tuple[object, ...]]:
    context = await browser.new_context(base_url=str(url))
    cookie = who.headers.split("Cookie: ")[1].split("\r\n")[0]
    pairs = (pair.split("=", 1) for pair in cookie.split("; "))
    await context.add_cookies([{"name": name, "value": value, "url": str(url)} for name, value in pairs])
    page = await context.new_page()
    seconds: dict[str, list[float]] = {name: [] for name in rooms}
    for turn in range(ROUNDS + 1):
        for name, room in rooms.items():
            took = await shown(page, room)
            if turn > 0:
                seconds[name].append(took)
    return [(name, ms(statistics.median(seconds[name])), ms(min(seconds[name]))) for name in rooms]


async def run() -> None:
    async with postgres() as dsn:
        async with service(dsn) as served:
            ada, bob = await Visitor.sign_up(served.url, "ada"), await Visitor.sign_up(served.url, "bob")
        rooms = await fill(dsn)
        people = (("who has read all: 50 messages on it", ada), (f"with {MAX_COUNTED} and more unread: 300", bob))
        async with service(dsn) as served, async_playwright() as playwright:
            await idle(served, dsn)
            browser = await playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
            for what, who in people:
                table(f"The page of a member {what}", RENDERED, await visits(served, dsn, who, rooms))
                table(f"In a browser, {what}", DRAWN, await in_a_browser(browser, served.url, who, rooms))
            await browser.close()
