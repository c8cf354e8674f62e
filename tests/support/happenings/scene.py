"""Where it happens: two people in two rooms, and a page that one of them has open."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.support.conditions import eventually
from tests.support.live_service import Service, done
from tests.support.open_pages import OpenPage
from tests.support.people import Person
from tests.support.realtime.relay import Relay


@dataclass(frozen=True)
class Scene:
    """Ada and Bob are in a room, and in another one elsewhere, and own both; Ada has a page open at the room."""

    service: Service
    room: str
    elsewhere: str
    relay: Relay
    page: OpenPage

    @property
    def people(self) -> list[Person]:
        return self.service.people

    async def say(self, person: Person, content: str = "hello") -> int:
        """Returns the message's version."""
        return int((await done(person, self.room, "messages", {"content": content})).body["id"])

    async def go_on(self) -> None:
        """Something happens elsewhere. By its publication a page can tell that it lacks others."""
        await done(self.people[1], self.elsewhere, "messages", {"content": "meanwhile"})

    async def shows(self, version: int) -> None:
        """Wait until the page does."""

        async def is_there() -> bool:
            return bool((await self.page.room())["room"]["version"] == version)

        await eventually(is_there)

    async def assert_fresh(self) -> None:
        await self.service.assert_fresh(self.page)


STRANGERS = itertools.count(1_000_000)
"""Users whom nobody knows yet."""

Happening = Callable[[Scene], Awaitable[None]]
