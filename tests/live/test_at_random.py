"""Everything at once: people do what they like, on lines that lose, repeat, swap and break."""

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from tests.support.live_service import Service, done, new_room
from tests.support.open_pages import OpenPage
from tests.support.people import Person
from tests.support.realtime.relay import Fate, Relay, relay_to

pytestmark = pytest.mark.asyncio(loop_scope="session")

FATES: dict[Fate, float] = {"delivered": 0.6, "dropped": 0.15, "doubled": 0.15, "swapped": 0.1}
ROUNDS = 40
OPENED = 2
"""The version of a room that was just opened: its owner is in it."""
PAGES = 4
"""Of each person, at most."""


class Life:
    """Random actions of one user."""

    def __init__(self, person: Person, rooms: list[str], chance: random.Random) -> None:
        self.person = person
        self.joined: dict[str, int] = {}  # rooms, and the newest version that is known of each
        self._rooms = rooms
        self._chance = chance

    async def go_on(self) -> None:
        """Do one thing."""
        room = self._chance.choice(self._rooms)
        dice = self._chance.random()
        if room not in self.joined:
            self.joined[room] = (await done(self.person, room, "join")).body["room"]["version"]
        elif dice < 0.15:
            if (await self.person.post(f"/api/rooms/{room}/leave/", {})).status == 200:  # not the last owner
                del self.joined[room]
        elif dice < 0.3:
            await done(self.person, room, "read", {"version": self.joined[room]})
        elif dice < 0.33:
            renamed = await self.person.post(f"/api/rooms/{room}/rename/", {"name": f"Name {dice}"})
            if renamed.status == 200:  # an owner
                self.joined[room] = renamed.body["room"]["version"]
        elif dice < 0.38:
            opened = await new_room(self.person)
            self.joined[opened] = OPENED
            self._rooms.append(opened)
        else:
            self.joined[room] = (await done(self.person, room, "messages", {"content": f"{dice}"})).body["id"]


class Windows:
    """The pages that stay open meanwhile, each over its own connection."""

    def __init__(self, service: Service, life: Life, chance: random.Random, lines: AsyncExitStack) -> None:
        self._service = service
        self._life = life
        self._chance = chance
        self._lines = lines
        self._pages: list[tuple[OpenPage, Relay]] = []

    async def go_on(self) -> None:
        """Now and then open a page; break lines and mend them."""
        if len(self._pages) < PAGES and self._chance.random() < 0.2:
            await self._open(self._chance.choice(["/rooms/", *(f"/rooms/{room}/" for room in self._life.joined)]))
        for _, relay in self._pages:
            if self._chance.random() < 0.15:
                self._chance.choice([relay.cut, relay.mend])()

    async def assert_fresh(self) -> None:
        """When all lines are good again, all pages are."""
        for page, relay in self._pages:
            relay.calm()
            relay.cut()  # the very last publication may be lost, and nothing but a new connection tells
            relay.mend()
            await self._service.assert_fresh(page)
            await page.close()

    async def _open(self, path: str) -> None:
        relay = await self._lines.enter_async_context(relay_to(self._service.websocket_url))
        relay.fates = iter(self._fate, None)
        self._pages.append((await self._service.desk.open(self._life.person, path, relay.url), relay))

    def _fate(self) -> Fate:
        return self._chance.choices(list(FATES), list(FATES.values()))[0]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
async def test_pages_equal_fresh_ones_whatever_happens(service: Service, seed: int) -> None:
    chance = random.Random(seed)
    async with AsyncExitStack() as lines:
        people = [await lines.enter_async_context(service.newcomer()) for _ in range(3)]  # in no rooms but these
        rooms = [await new_room(people[0]) for _ in range(3)]
        lives = [Life(person, rooms, chance) for person in people]
        lives[0].joined = dict.fromkeys(rooms, OPENED)
        windows = [Windows(service, life, chance, lines) for life in lives]

        async def live(life: Life, at: Windows) -> None:
            await life.go_on()
            await at.go_on()

        for _ in range(ROUNDS):
            await asyncio.gather(*map(live, lives, windows))
        for at in windows:
            await at.assert_fresh()
