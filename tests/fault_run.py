"""Everything at once: people talk while what serves them is killed at random; then the books are checked."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.conditions import eventually
from tests.delivery import published_to
from tests.live_page import Browser, LivePage
from tests.stage import Stage
from tests.victims import Victim

CALM_S = (1.0, 6.0)
"""How long a victim is left alone between two deaths; and dead for a tenth of that."""


@dataclass
class Talk:
    """What people said and did, and what was answered."""

    rooms: Sequence[str]
    said: dict[str, tuple[str, int]] = field(default_factory=dict)  # content: (room id, version)
    acts: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    async def take_part(self, browser: Browser, joined: set[str], chance: random.Random) -> None:
        """Talk, come and go until it is over; nothing is left with an outcome unknown."""
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
    """A victim: connections of half of the pages. Nobody need bring them back."""

    pages: Sequence[LivePage]
    chance: random.Random
    name: str = "connections"

    async def kill(self) -> None:
        await asyncio.gather(*(page.disconnect() for page in self.pages if self.chance.random() < 0.5))

    async def start(self) -> None:
        """They come back by themselves."""


@dataclass
class Deaths:
    """Kills at random moments, each victim in its own rhythm, so that deaths also coincide."""

    victims: Sequence[Victim]
    chance: random.Random
    count: Counter[str] = field(default_factory=Counter)

    async def happen(self, seconds: float) -> None:
        """For so long; all are alive again on return."""
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(self._happen_to(victim, until) for victim in self.victims))

    async def _happen_to(self, victim: Victim, until: float) -> None:
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
    events = await connection.fetch("SELECT * FROM stored_events ORDER BY notification_id")
    shown = await connection.fetch("SELECT room_id, version, content FROM messages")
    await connection.close()
    versions: dict[str, list[int]] = {}
    recorded: list[tuple[str, tuple[str, int]]] = []
    for event in events:
        room_id, version = str(event["originator_id"]), event["originator_version"]
        versions.setdefault(room_id, []).append(version)
        if (content := json.loads(event["state"]).get("content")) is not None:
            recorded.append((content, (room_id, version)))
    for room_id, found in versions.items():
        assert found == list(range(1, len(found) + 1)), f"versions of {room_id} have gaps or came out of order"
    assert len(recorded) == len(dict(recorded)), "a message was recorded twice"
    assert dict(recorded) == talk.said
    assert sorted(recorded) == sorted((row["content"], (str(row["room_id"]), row["version"])) for row in shown)
    return int(events[-1]["notification_id"])


def check_arrivals(pages: Sequence[LivePage]) -> int:
    """No channel stepped back, repeated or skipped an offset for as long as its history lived; how many arrived."""
    total = 0
    for page in pages:
        for arrivals in page.arrivals.values():
            versions: dict[str, int] = {}
            position = 0
            for _, event in arrivals:
                if "body" not in event:
                    continue
                room_id, version = event["body"]["room"]["id"], event["version"]
                assert event["position"] > position, "a channel stepped back in the log"
                assert version > versions.get(room_id, 0), "a room stepped back"
                position, versions[room_id] = event["position"], version
            total += len(arrivals)
    return total


async def check_pages(dsn: str, pages: Sequence[LivePage], position: int) -> None:
    """Every page becomes what a fresh one shows, without being told."""
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
    """The pages are open for as long as the block lasts, and none of them gives up."""
    tasks = [asyncio.create_task(page.run()) for page in pages]
    try:
        yield
        assert not any(task.done() for task in tasks), "a page gave up"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def check(stage: Stage, talk: Talk) -> int:
    """The log, then every page, then everything that arrived; how much that was."""
    position = await check_the_log(stage.dsn, talk)
    await check_pages(stage.dsn, stage.pages, position)
    return check_arrivals(stage.pages)


async def run(stage: Stage, deaths: Deaths, *, seconds: float) -> dict[str, Any]:
    """Talk and die for so long, then check everything; returns what happened, for people to read."""
    talk = Talk(stage.rooms)
    async with listening(stage.pages):
        async with asyncio.TaskGroup() as group:
            for browser in stage.browsers:
                group.create_task(talk.take_part(browser, set(), random.Random(deaths.chance.random())))
            await deaths.happen(seconds)
            talk.is_over = True
        arrived = await check(stage, talk)
    return {
        "messages": len(talk.said),
        **talk.acts,
        "arrived": arrived,
        "recovered by the server": sum(page.recovered for page in stage.pages),
        "caught up from the feed": sum(page.caught_up for page in stage.pages),
        "deaths": dict(deaths.count),
    }
