"""The whole service in processes of its own, and people with open pages in front of it."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from postgres.embedded import EmbeddedPostgres
from projections.fanout.resize import change_lanes
from tests.support.base_backup import BaseBackup
from tests.support.killable_processes import App, Postgres, RealtimeServer, own_postgres_in
from tests.support.live_page import LivePage
from tests.support.open_pages import desk
from tests.support.operator import OPERATOR
from tests.support.people import Person
from tests.support.realtime.server import CONFIG

QUICK = {"fsync": "off"}
"""It is processes that die, not the machine: what they wrote is in the kernel's hands."""


@dataclass(frozen=True)
class Stage:
    """The parts, by the names that tests use; `environment` is the applications'. The rooms are empty at first."""

    postgres: EmbeddedPostgres
    database: Postgres
    backup: BaseBackup
    hub: RealtimeServer
    environment: dict[str, str]
    apps: list[App]
    pages: list[LivePage]
    rooms: list[str]

    @property
    def dsn(self) -> str:
        return self.postgres.dsn


@contextlib.asynccontextmanager
async def set_up(
    folder: Path, postgres_folder: Path, *, people: int, rooms: int, lanes: int, **settings: str
) -> AsyncIterator[Stage]:
    """PostgreSQL, the hub and two application processes that share the lanes, and an open page for each person.

    `settings` are the applications', by variable.
    """
    async with AsyncExitStack() as running:
        postgres = await running.enter_async_context(own_postgres_in(postgres_folder, **QUICK))
        await change_lanes(lanes, postgres.dsn, operator=OPERATOR)
        hub = RealtimeServer(folder, json.loads(CONFIG.read_text()))
        running.push_async_callback(hub.kill)
        environment = {"DATABASE_URL": postgres.dsn, "DATA_DIR": str(folder), **hub.environment, **settings}
        apps = [App("app 1", environment), App("app 2", environment)]
        for app in apps:
            running.push_async_callback(app.kill)
            await app.start()
        urls = [app.url for app in apps]
        persons = [await running.enter_async_context(Person(urls[0])) for _ in range(people)]
        for number, person in enumerate(persons):
            await person.sign_up(f"person-{number}")
        opened = [await persons[0].open_room(f"Room {number}") for number in range(rooms)]
        for room_id in opened:
            await persons[0].post(f"/api/rooms/{room_id}/leave/", {})
        opening = await running.enter_async_context(desk())
        pages = [opening.page(LivePage, person, urls=urls) for person in persons]
        for page in pages:
            await page.start("/rooms/", hub.url)
        database = Postgres(postgres, postgres_folder)
        backup = BaseBackup(postgres, postgres_folder, folder / "backup")
        yield Stage(postgres, database, backup, hub, environment, apps, pages, opened)
