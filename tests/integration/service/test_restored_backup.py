"""A base backup is put in the place of the database, under running servers and open pages."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from api.wiring import create_fold
from postgres.embedded import EmbeddedPostgres
from replay.rebuild.verify import verify
from tests.support.base_backup import BaseBackup
from tests.support.conditions import eventually
from tests.support.killable_processes import App
from tests.support.lanes_under_test import published_to
from tests.support.open_pages import Desk, OpenPage, becomes, desk
from tests.support.people import Person
from tests.support.realtime import server as realtime
from tests.support.realtime.relay import relay_to


@dataclass(frozen=True)
class Service:
    """Two people with open pages in one room, in front of the service."""

    postgres: EmbeddedPostgres
    backup: BaseBackup
    apps: list[App]
    ada: Person
    bob: Person
    desk: Desk
    websocket_url: str
    realtime: realtime.Server | None

    async def assert_fresh(self, page: OpenPage) -> None:
        """The page comes to show what one that is loaded now shows."""
        fresh = await self.desk.open(page.owner, page.path, self.websocket_url)
        await becomes(page.list, await fresh.list())
        await becomes(page.room, await fresh.room())
        await fresh.close()


@pytest.fixture(params=["embedded hub", *realtime.KINDS[1:]])
async def service(
    request: pytest.FixtureRequest, own_postgres: EmbeddedPostgres, postgres_folder: Path, tmp_path: Path
) -> AsyncIterator[Service]:
    environment = {"DATABASE_URL": own_postgres.dsn, "DATA_DIR": str(tmp_path / "data")}
    async with AsyncExitStack() as running:
        server, websocket_url = None, None
        if request.param != "embedded hub":
            config = realtime.configuration()
            server = running.enter_context(realtime.running(request.param, tmp_path, config))
            environment.update(server.app_environment)
            websocket_url = server.websocket_url
        apps = [App(f"app {number}", environment) for number in range(1 if websocket_url is None else 2)]
        for app in apps:
            running.push_async_callback(app.kill)
            await app.start()
        people = [await running.enter_async_context(Person(apps[0].url)) for _ in range(2)]
        for person, name in zip(people, ("ada", "bob"), strict=True):
            await person.sign_up(name)
        yield Service(
            own_postgres,
            BaseBackup(own_postgres, postgres_folder, tmp_path / "backup"),
            apps,
            people[0],
            people[1],
            await running.enter_async_context(desk()),
            websocket_url or realtime.websocket_url(apps[0].port),
            server,
        )


async def posted(person: Person, app: App, room: str, content: str) -> int:
    """Post as soon as the service can; returns the version of the message."""
    url = URL(f"{app.url}".rstrip("/") + f"/api/rooms/{room}/messages/")
    versions: list[int] = []

    async def is_recorded() -> bool:
        answer = await person.request(
            "POST", f"{url}", {"content": content}, headers={"Idempotency-Key": f"{content}-{len(versions)}"}
        )
        assert answer.status in (201, 503), answer.raw
        if answer.status == 201:
            versions.append(int(answer.body["id"]))
        return bool(versions)

    await eventually(is_recorded)
    return versions[0]


def contents(shown: Any) -> list[str]:
    return [message["content"] for message in shown["messages"]]


async def test_a_restored_base_backup_leaves_the_service_and_its_pages_as_the_log_says(service: Service) -> None:
    room = await service.ada.open_room("General")
    await service.bob.post(f"/api/rooms/{room}/join/", {})
    assert await posted(service.ada, service.apps[0], room, "kept") == 4
    await service.backup.take()
    pages = [
        await service.desk.open(person, f"/rooms/{room}/", service.websocket_url)
        for person in (service.ada, service.bob)
    ]
    for number, app in enumerate(service.apps * 3):
        await posted(service.bob, app, room, f"lost {number}")
    lost = await service.ada.open_room("Lost")
    await published_to(service.postgres.dsn, (await service.ada.get("/api/rooms/")).position)

    await service.backup.restore()

    for number, app in enumerate(service.apps * 2):
        assert await posted(service.ada, app, room, f"new {number}") == 5 + number
    assert (await service.ada.get(f"/api/rooms/{lost}/")).status == 404
    expected = ["kept", *(f"new {number}" for number in range(2 * len(service.apps)))]
    for page in pages:
        await service.assert_fresh(page)
        assert contents(await page.room()) == expected
    head = (await service.ada.get("/api/rooms/")).position
    assert head is not None
    await published_to(service.postgres.dsn, head)
    assert (await verify(create_fold(), service.postgres.dsn, lambda _: None)).differences == []

    for app in service.apps:
        await app.kill()
        await app.start()
    assert await posted(service.bob, service.apps[-1], room, "after a restart") == 5 + 2 * len(service.apps)
    for page in pages:
        await service.assert_fresh(page)


async def test_a_page_drops_its_own_message_that_was_answered_and_lost_before_it_was_published(
    service: Service,
) -> None:
    room = await service.ada.open_room("General")
    assert await posted(service.ada, service.apps[0], room, "kept") == 3
    await service.backup.take()
    async with relay_to(service.websocket_url) as relay:
        page = await service.desk.open(service.ada, f"/rooms/{room}/", relay.url)
        relay.fates = itertools.repeat("dropped")
        assert await page.say(room, "lost") == 4
        assert contents(await page.room()) == ["kept", "lost"]
        for app in service.apps:
            await app.kill()  # none remembers what it has seen of the log
        await service.backup.restore()
        for app in service.apps:
            await app.start()
        await service.assert_fresh(page)
        assert contents(await page.room()) == ["kept"]


async def test_pages_notice_a_backup_that_was_restored_while_no_process_ran(service: Service) -> None:
    room = await service.ada.open_room("General")
    assert await posted(service.ada, service.apps[0], room, "kept") == 3
    page = await service.desk.open(service.ada, f"/rooms/{room}/", service.websocket_url)
    await service.backup.take()
    for number in range(5):
        await posted(service.ada, service.apps[0], room, f"lost {number}")
    await published_to(service.postgres.dsn, (await service.ada.get("/api/rooms/")).position)
    await service.assert_fresh(page)
    late = await service.desk.open(service.ada, f"/rooms/{room}/", service.websocket_url)

    for app in service.apps:
        await app.kill()
    await service.backup.restore()
    for app in service.apps:
        await app.start()

    for each in (page, late):
        await service.assert_fresh(each)
        assert contents(await each.room()) == ["kept"]
    for number in range(5):
        assert await posted(service.ada, service.apps[0], room, f"new {number}") == 4 + number
    for each in (page, late):
        await service.assert_fresh(each)
        assert contents(await each.room()) == ["kept", *(f"new {number}" for number in range(5))]
    if service.realtime is not None:
        history = service.realtime.call("history", channel=f"personal:{service.ada.user['id']}", limit=-1)
        told = [publication["data"] for publication in history["publications"]]
        for name in ("lost", "new"):
            assert [
                (each["version"], each["body"]["content"])
                for each in told
                if each["type"] == "message_added" and each["body"]["content"].startswith(name)
            ] == [(4 + number, f"{name} {number}") for number in range(5)]
