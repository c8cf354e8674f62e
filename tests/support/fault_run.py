"""People talk while the servers are killed at random; then the log and every page are checked."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from postgres.database import UNAVAILABLE
from tests.support.conditions import eventually
from tests.support.killable_processes import Victim
from tests.support.lanes_under_test import published_to
from tests.support.live_page import Browser, Event, LivePage
from tests.support.running_service import Stage

CALM_S = (1.0, 6.0)
"""How long a victim is left alone between two deaths; and dead for a tenth of that."""

RUN_OUT = """
UPDATE leases SET warm_until = now(), changed_in = pg_current_xact_id() WHERE NOT is_paused AND user_id = ANY($1)
"""


@dataclass
class Talk:
    """What people did, and the responses they got."""

    rooms: Sequence[str]
    said: dict[str, tuple[str, int]] = field(default_factory=dict)  # content: (room id, version)
    acts: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    async def has(self, messages: int) -> bool:
        """Whether so many were said."""
        return len(self.said) >= messages

    async def take_part(self, browser: Browser, joined: set[str], chance: random.Random) -> None:
        """Post, join and leave until the end; the outcome of every request is known then."""
        number = 0
        while not self.is_over:
            number += 1
            room_id, key = chance.choice(self.rooms), f"act {number}"
            if room_id not in joined:
                await self._move(browser, room_id, "join", key)
                joined.add(room_id)
            elif len(joined) > 1 and chance.random() < 0.03:
                await self._move(browser, room_id, "leave", key)
                joined.discard(room_id)
            else:
                await self._say(browser, room_id, f"{browser.person.user['username']} {number}", key)

    async def _move(self, browser: Browser, room_id: str, act: str, key: str) -> None:
        answer = await browser.post(f"/api/rooms/{room_id}/{act}/", {}, key=key)
        assert answer.status == 200, answer.raw
        self.acts[act] += 1

    async def _say(self, browser: Browser, room_id: str, content: str, key: str) -> None:
        answer = await browser.post(f"/api/rooms/{room_id}/messages/", {"content": content}, key=key)
        assert answer.status == 201, answer.raw
        assert content not in self.said
        self.said[content] = (room_id, answer.body["id"])


@dataclass
class Connections:
    """A victim: the connections of half of the pages. They reconnect by themselves."""

    pages: Sequence[LivePage]
    chance: random.Random
    name: str = "connections"

    async def kill(self) -> None:
        await asyncio.gather(*(page.disconnect() for page in self.pages if self.chance.random() < 0.5))

    async def start(self) -> None:
        """Nothing to do: they reconnect by themselves."""


@dataclass
class Sleep:
    """A victim: half of the pages sleep until their leases have run out, as computers do over a weekend."""

    pages: Sequence[LivePage]
    dsn: str
    chance: random.Random
    name: str = "sleep"
    asleep: list[LivePage] = field(default_factory=list)

    async def kill(self) -> None:
        self.asleep = [page for page in self.pages if self.chance.random() < 0.5]
        await asyncio.gather(*(page.sleep() for page in self.asleep))
        await eventually(self._run_out, timeout_s=60)

    async def start(self) -> None:
        for page in self.asleep:
            page.wake()

    async def _run_out(self) -> bool:
        with contextlib.suppress(*UNAVAILABLE):
            connection = await asyncpg.connect(self.dsn)
            try:
                await connection.execute(RUN_OUT, [page.browser.user_id for page in self.asleep])
                return True
            finally:
                connection.terminate()
        return False


@dataclass
class Deaths:
    """Kills at random moments, each victim in its own rhythm, so that deaths also coincide.

    In the first half the real-time server dies too, and with its memory what it was told wrongly. In the second it
    lives, and pages have to live with that.
    """

    server: Victim
    others: Sequence[Victim]
    chance: random.Random
    count: Counter[str] = field(default_factory=Counter)

    async def happen(self, seconds: float) -> None:
        """Kill for that long; all are alive again on return."""
        await self._happen_to([self.server, *self.others], seconds / 2)
        await self._happen_to(self.others, seconds / 2)

    async def _happen_to(self, victims: Sequence[Victim], seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(self._happen_to_one(victim, until) for victim in victims))

    async def _happen_to_one(self, victim: Victim, until: float) -> None:
        while (left_s := until - asyncio.get_running_loop().time()) > 0:
            calm_s = self.chance.uniform(*CALM_S)
            await asyncio.sleep(min(calm_s, left_s))
            await victim.kill()
            self.count[victim.name] += 1
            await asyncio.sleep(calm_s / 10)
            await victim.start()


async def check_the_log(dsn: str, talk: Talk) -> int:
    """Versions have no gap, and what was acknowledged is there exactly once, where the answer said.

    Answers the last position.
    """
    connection = await asyncpg.connect(dsn)
    events = await connection.fetch(
        "SELECT * FROM stored_events LEFT JOIN bodies ON stream = originator_id AND version = originator_version"
        " ORDER BY notification_id"
    )
    shown = await connection.fetch("SELECT room_id, version FROM messages")
    await connection.close()
    versions: dict[str, list[int]] = {}
    recorded: list[tuple[str, tuple[str, int]]] = []
    for event in events:
        room_id, version = str(event["originator_id"]), event["originator_version"]
        versions.setdefault(room_id, []).append(version)
        if event["topic"] == "message_added":
            recorded.append((event["content"], (room_id, version)))
    for room_id, found in versions.items():
        assert found == list(range(1, len(found) + 1)), f"versions of {room_id} have gaps or came out of order"
    assert len(recorded) == len(dict(recorded)), "a message was recorded twice"
    assert dict(recorded) == talk.said
    assert sorted(place for _, place in recorded) == sorted((str(row["room_id"]), row["version"]) for row in shown)
    return int(events[-1]["notification_id"])


def check_arrivals(pages: Sequence[LivePage]) -> int:
    """No channel stepped back, repeated or left out anything for as long as its history lived; how much arrived."""
    total = 0
    for page in pages:
        for epoch, arrivals in page.arrivals.items():
            check_history(arrivals, page.browser.user_id, page.caught_up_at.get(epoch, set()))
            total += len(arrivals)
    return total


def check_history(arrivals: Sequence[tuple[int, Event]], user_id: int, caught_up_at: Set[int]) -> None:
    """Offset after offset, and of each room version after version while the user was there and the feed not paused."""
    assert [offset for offset, _ in arrivals] == list(range(arrivals[0][0], arrivals[0][0] + len(arrivals)))
    position = 0
    versions: dict[str, int] = {}
    for offset, event in arrivals:
        if event["type"] == "feed_paused" or offset - 1 in caught_up_at:
            versions.clear()
        if event["type"] == "feed_paused":
            continue
        assert event["position"] > position, f"the channel of {user_id} stepped back from {position} to {event}"
        position = event["position"]
        room_id, version = event["body"]["room"]["id"], event["version"]
        expected = versions.pop(room_id, version - 1) + 1
        assert version == expected, f"the channel of {user_id} lacks version {expected} before {event}"
        if (event["type"], event["body"]["user"]["id"]) != ("user_left", user_id):
            versions[room_id] = version


async def check_pages(dsn: str, pages: Sequence[LivePage], position: int) -> None:
    """Every page becomes equal to a fresh one by itself."""
    await published_to(dsn, position, timeout_s=60)
    differences: list[list[str]] = []

    async def all_are_fresh() -> bool:
        differences[:] = [await page.differences() for page in pages]
        return not any(differences)

    try:
        await eventually(all_are_fresh, timeout_s=60)
    except TimeoutError:
        raise AssertionError(f"pages differ: {[found[:3] for found in differences if found]}") from None


@contextlib.asynccontextmanager
async def listening(pages: Sequence[LivePage]) -> AsyncIterator[None]:
    """Keep the pages open during the block; a page that fails ends it with its error."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(page.run()) for page in pages]
        yield
        for task in tasks:
            task.cancel()


async def check(stage: Stage, talk: Talk) -> int:
    """The log, then every page, then everything that arrived; how much that was."""
    position = await check_the_log(stage.dsn, talk)
    await check_pages(stage.dsn, stage.pages, position)
    return check_arrivals(stage.pages)


async def run(stage: Stage, deaths: Deaths, *, seconds: float, messages: int) -> dict[str, Any]:
    """Talk while servers die, then until that many messages are posted; then check everything.

    Returns what happened, for people to read.
    """
    talk = Talk(stage.rooms)
    async with listening(stage.pages):
        async with asyncio.TaskGroup() as group:
            for browser in stage.browsers:
                group.create_task(talk.take_part(browser, set(), random.Random(deaths.chance.random())))
            await deaths.happen(seconds)
            await eventually(lambda: talk.has(messages), timeout_s=60)
            talk.is_over = True
        arrived = await check(stage, talk)
    return {
        "messages": len(talk.said),
        **talk.acts,
        "arrived": arrived,
        "recovered by the server": sum(page.recovered for page in stage.pages),
        "caught up from the feed": sum(page.caught_up for page in stage.pages),
        "paused": sum(page.paused for page in stage.pages),
        "deaths": dict(deaths.count),
    }
