"""A running service whose real-time server has a short history, and its users."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.killable_processes import LOUD
from tests.support.lanes_under_test import published_to
from tests.support.open_pages import Desk, OpenPage, becomes, desk
from tests.support.people import Answer, Person
from tests.support.realtime import server as realtime
from tests.support.serving import serving
from tests.support.traces import marker

HISTORY = 8
"""Publications that a channel remembers."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Service:
    """What tests use of it. `websocket_url` leads there without a relay."""

    dsn: str
    desk: Desk
    websocket_url: str
    people: list[Person]

    @asynccontextmanager
    async def newcomer(self) -> AsyncIterator[Person]:
        """Somebody who is signed up and in no room. `people` may be in more rooms by now than a page lists."""
        async with Person(self.people[0].url) as person:
            await person.sign_up(marker())
            yield person

    async def published(self) -> None:
        """Wait until everything that happened so far was published."""
        await published_to(self.dsn, (await self.people[0].get("/api/rooms/")).position)

    async def assert_fresh(self, page: OpenPage, *others: OpenPage) -> None:
        """Wait until the page shows what fresh clients show: one on the list of rooms, one in the same room. So do
        `others` of the same owner, in the same room.
        """
        fresh = await self.desk.open(page.owner, "/rooms/", self.websocket_url)
        for each in (page, *others):
            await becomes(each.list, await fresh.list())
        inside = await self.desk.open(page.owner, page.path, self.websocket_url)  # which also reads the room
        for each in (page, *others):
            await becomes(each.room, await inside.room())
        await fresh.close()
        await inside.close()


async def new_room(person: Person) -> str:
    """Returns its id."""
    return await person.open_room(f"Room {next(_numbers)}")


async def leave_all(person: Person) -> None:
    """Leave every room that can be left: the next test begins with a short page. Another member becomes the owner
    of some.
    """
    for room in (await person.get("/api/rooms/")).body["results"]:
        if room["visibility"] == "direct":
            continue
        if (await person.post(f"/api/rooms/{room['id']}/leave/", {})).status == 409:
            members = (await person.get(f"/api/rooms/{room['id']}/members/")).body["results"]
            await give_role(
                person, room["id"], next(each for each in members if each["id"] != person.user["id"]), "owner"
            )
            await done(person, room["id"], "leave")


async def give_role(owner: Person, room: str, member: dict[str, Any], role: str) -> None:
    """A role, for a member given as the API shows users."""
    path = f"/api/rooms/{room}/members/{member['id']}/role/"
    answer = await owner.request("PUT", path, {"role": role, "why": "asked for"})
    assert answer.status == 200, answer.raw


async def done(person: Person, room: str, what: str, body: Any = None) -> Answer:
    """A POST to a room, which is not refused."""
    answer = await person.post(f"/api/rooms/{room}/{what}/", body or {})
    assert answer.status in (200, 201), answer.raw
    return answer


def forgetful() -> dict[str, Any]:
    """The service's own configuration, with a short memory."""
    config: dict[str, Any] = json.loads(realtime.CONFIG.read_text())
    config["channel"]["namespaces"][0]["history_size"] = HISTORY
    return config


@asynccontextmanager
async def service_with(kind: realtime.Kind, dsn: str, folder: Path) -> AsyncIterator[Service]:
    """Three people signed up."""
    async with AsyncExitStack() as running:
        server = running.enter_context(realtime.running(kind, folder, forgetful()))
        environment = {"DATABASE_URL": dsn, "DATA_DIR": str(folder), **LOUD, **server.app_environment}
        app = await running.enter_async_context(serving(**environment))
        people = [await running.enter_async_context(Person(app.url)) for _ in range(3)]
        for person, name in zip(people, ("ada", "bob", "eve"), strict=True):
            await person.sign_up(name)
        yield Service(dsn, await running.enter_async_context(desk()), server.websocket_url, people)
