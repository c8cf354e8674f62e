"""(l) Whether the memory of a server stays flat over a day: what people do in a day, compressed.

People log in, open pages, connect to the hub, post, read the feed, fetch tokens and go. Memory is what the process
holds (RSS) after each tenth of the day.
"""

import asyncio
import itertools
import os

import psutil

from benchmarks.fanout import login
from benchmarks.growth.scene import Ask, Member
from benchmarks.hub_clients import clients, received
from benchmarks.posting import open_room
from benchmarks.server import postgres, service
from benchmarks.tables import table
from tests.support.people import Person
from tests.support.realtime import server as realtime
from tests.support.store import open_store

PARTS = 10
PEOPLE, ROOMS = 40, 60
VISITS = int(os.environ.get("DAY_VISITS", "200"))
"""In each part of the day, at least one for each of the people."""

POSTS, PAGES, FEEDS, TOKENS = 40, 6, 10, 20
"""In each visit."""

AT_ONCE = 8


async def run() -> None:
    async with postgres() as dsn, service(dsn, CENTRIFUGO_TOKEN_SECRET=realtime.SECRET) as served:
        for number in range(PEOPLE):
            async with Person(served.url) as person:
                await person.sign_up(f"person{number}")
        async with open_store(dsn) as store:
            rooms = [str(await open_room(store, f"Room {number}", 1)) for number in range(ROOMS)]
        process, rows, held = psutil.Process(served.pid), [], []
        numbers, gate = itertools.count(), asyncio.Semaphore(AT_ONCE)

        async def visit() -> None:
            async with gate:
                number = next(numbers)
                who = await Member.log_in(served.url, f"person{number % PEOPLE}")
                await _visit(who, rooms, number)

        assert served.url.port is not None
        for part in range(1, PARTS + 1):
            with clients(served.url.port, [login(user_id) for user_id in range(1, PEOPLE + 1)]) as pipe:
                await received(pipe)
                await asyncio.gather(*(visit() for _ in range(VISITS)))
            held.append(process.memory_info().rss / 1e6)
            visits = part * VISITS
            rows.append((f"{part} of {PARTS}", f"{visits:,}", f"{visits * POSTS:,}", f"{held[-1]:.1f} MB"))
    table("Memory of a server over a day", ("part of the day", "visits", "messages", "memory"), rows)
    print(f"\nIn the last four tenths: {held[-1] - held[5]:+.1f} MB")


async def _visit(who: Member, rooms: list[str], number: int) -> None:
    """What a person does between logging in and out."""
    mine = [rooms[(number * 7 + each) % len(rooms)] for each in range(PAGES)]
    for room in mine:
        await who.send(Ask("POST", f"/api/rooms/{room}/join/", {}))
    head = 0
    for each in range(POSTS):
        said = await who.done(
            Ask("POST", f"/api/rooms/{mine[each % PAGES]}/messages/", {"content": f"{number} {each}"})
        )
        if each % (POSTS // PAGES) == 0:
            status, _ = await who.send(Ask("GET", f"/rooms/{said['room']['id']}/"))
            assert status == 200
            await who.send(Ask("POST", f"/api/rooms/{said['room']['id']}/read/", {"version": said["id"]}))
        if each % (POSTS // FEEDS) == 0:
            head = (await who.done(Ask("GET", f"/api/feed/?after={head}&limit=50")))["position"]
        if each % (POSTS // TOKENS) == 0:
            await who.done(Ask("GET", f"/api/token/subscription/?channel=personal:{who.user_id}"))
            await who.done(Ask("GET", "/api/token/connection/"))
    await who.send(Ask("POST", "/api/logout/", {}))
    who.connection.close()
