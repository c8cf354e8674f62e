"""The service of the proof: its processes, the people in front of it, and the operator at a shell."""

import asyncio
import json
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from click.testing import CliRunner, Result
from yarl import URL

from cli.main import main
from tests.support.any_process import Browser
from tests.support.conditions import eventually
from tests.support.open_pages import Desk, OpenPage
from tests.support.people import Person
from tests.support.realtime.node import Event, NodeProgram
from tests.support.running_service import Stage
from tests.support.traces import marker

WHY = "a letter of 3 May"


class HeardPage(OpenPage):
    """An open page; `heard` is what was published to it, as JSON."""

    def __init__(self, program: NodeProgram, name: str, owner: Person, *, urls: Sequence[URL] = ()) -> None:
        super().__init__(program, name, owner, urls=urls)
        self.heard: list[str] = []

    def told(self, event: Event) -> None:
        self.heard.append(json.dumps(event))


class Member:
    """A person whose name is a marker, with the browser that repeats requests until they are answered."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.id = browser.user_id
        self.pages: list[HeardPage] = []

    @property
    def name(self) -> str:
        return str(self.browser.person.user["username"])

    async def close(self) -> None:
        """Close all pages."""
        for page in self.pages:
            await page.close()
        self.pages = []


@dataclass
class Installation:
    """What the proof acts on."""

    stage: Stage
    folder: Path
    desk: Desk
    admin: Member
    running: AsyncExitStack
    chance: random.Random
    members: list[Member] = field(default_factory=list)

    @property
    def urls(self) -> list[URL]:
        return [app.url for app in self.stage.apps]

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """The lines of the ledger, which is next to the data."""
        file = self.folder.with_name(f"{self.folder.name}.erasures.jsonl")
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    async def sign_up(self) -> Member:
        """Another person, with a page of the list of rooms."""
        person = await self.running.enter_async_context(Person(self.chance.choice(self.urls)))
        await person.sign_up(marker())
        member = Member(Browser(person, self.urls, random.Random(self.chance.random())))
        self.members.append(member)
        await self.open_page(member, "/rooms/")
        return member

    async def open_page(self, member: Member, path: str) -> None:
        """One more page, and keep it open."""
        page = self.desk.page(HeardPage, member.browser.person)
        await page.start(path, self.stage.hub.url)
        await eventually(page.is_live)
        member.pages.append(page)

    async def open_joined(self, member: Member, path: str) -> None:
        """A page of a room that did not show it, as its person was no member, is opened again: they are now."""
        for page in [page for page in member.pages if page.path == path]:
            if await page.room() is None:
                await page.close()
                member.pages.remove(page)
                await self.open_page(member, path)

    async def operator(self, *words: str) -> str:
        """Run a command; returns what it printed."""
        done = await self.command(*words)
        assert done.exit_code == 0, (words, done.output, done.exception)
        return str(done.stdout)

    async def command(self, *words: str) -> Result:
        runner = CliRunner(env={**self.stage.environment, "LOG_LEVEL": "error"})
        return await asyncio.to_thread(runner.invoke, main, list(words))

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Any]:
        connection = await asyncpg.connect(self.stage.dsn)
        try:
            rows: Sequence[Any] = await connection.fetch(sql, *arguments)
            return rows
        finally:
            await connection.close()

    async def is_withheld(self) -> bool:
        """Whether every process serves nothing, since erased words are back."""
        codes = set()
        for url in self.urls:
            answer = await self.admin.browser.person.get(f"{url}api/rooms/")
            codes.add(answer.body.get("code") if answer.status == 503 else None)
        return codes == {"content_withheld"}

    async def is_serving(self) -> bool:
        """Whether every process serves."""
        return all([(await self.admin.browser.person.get(f"{url}readyz")).status == 200 for url in self.urls])
