"""Where it happens: two people in two rooms, and the pages that one of them has open."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.conditions import eventually
from tests.support.live_service import Service, done
from tests.support.open_pages import OpenPage
from tests.support.people import Person
from tests.support.realtime.relay import Relay, relay_to


@dataclass(frozen=True)
class RelayedPage:
    """An open page, and the relay through which everything is published to it."""

    relay: Relay
    page: OpenPage

    async def shows(self, version: int) -> None:
        """Wait until the page does."""

        async def is_there() -> bool:
            return bool((await self.page.room())["room"]["version"] == version)

        await eventually(is_there)

    async def recovered(self, *successes: bool) -> None:
        """Wait until it has asked for recovery as often, with this success."""

        async def has() -> bool:
            return self.relay.recoveries == [*successes]

        await eventually(has)


@dataclass(frozen=True)
class Scene:
    """Ada and Bob are in a room, and in another one elsewhere, and own both."""

    service: Service
    room: str
    elsewhere: str

    @property
    def people(self) -> list[Person]:
        return self.service.people

    @asynccontextmanager
    async def page(self) -> AsyncIterator[RelayedPage]:
        """Ada has a page open at the room for the length of the block."""
        async with relay_to(self.service.websocket_url) as relay:
            page = await self.service.desk.open(self.people[0], f"/rooms/{self.room}/", relay.url)
            yield RelayedPage(relay, page)
            await page.close()

    async def say(self, person: Person, content: str = "hello") -> int:
        """Returns the message's version."""
        return int((await done(person, self.room, "messages", {"content": content})).body["id"])

    async def go_on(self) -> None:
        """Something happens elsewhere. By its publication a page can tell that it lacks others."""
        await done(self.people[1], self.elsewhere, "messages", {"content": "meanwhile"})


STRANGERS = itertools.count(1_000_000)
"""Users whom nobody knows yet."""

Happening = Callable[[Scene], Awaitable[None]]
