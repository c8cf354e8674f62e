"""An older backup takes the place of the database under open pages: they come to show what the log says."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from postgres.embedded import EmbeddedPostgres
from tests.browser.test_connection import has_status
from tests.browser.test_live import post, together
from tests.conftest import database_like
from tests.support.browser.service import Service, service_with
from tests.support.browser.windows import Windows, poll_often, said, say
from tests.support.people import Person
from tests.support.realtime import server as realtime
from tests.support.restored_log import Backup

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 40_000
"""A page that hears of nothing asks at least every 24 seconds."""

AWAY = "status of 503"
"""What Chromium writes on the console while the database is away."""

SHOWN = """() => [".messages .message", ".sidebar .room", ".member-count"].map(
    (selector) => [...document.querySelectorAll(selector)].map((element) => element.innerText))"""


@dataclass(frozen=True)
class Restorable:
    """A service on a database of its own, and windows of the people who use it."""

    service: Service
    windows: Windows

    async def open(self, person: Person, path: str, status: str) -> Page:
        """A window in that status: `polling` is where WebSockets are blocked."""
        context = await self.windows.device(person)
        if status == "polling":
            await context.route_web_socket("**/connection/websocket", lambda socket: socket.close())
            await poll_often(context)
        page = await context.new_page()
        await page.goto(path)
        await has_status(page, status)
        return page


@pytest_asyncio.fixture(loop_scope="session")
async def restorable(
    request: pytest.FixtureRequest, browser: Browser, postgres: EmbeddedPostgres, template_database: str, tmp_path: Path
) -> AsyncIterator[Restorable]:
    async with AsyncExitStack() as running:
        url = await running.enter_async_context(database_like(template_database, "restorable", postgres))
        service = await running.enter_async_context(service_with(request.param, url, tmp_path))
        windows = Windows(browser, service.url)
        running.push_async_callback(windows.close)
        yield Restorable(service, windows)
    assert [problem for problem in windows.problems if AWAY not in problem] == []


@pytest.mark.parametrize(
    ("restorable", "status"),
    [
        ("hub", "live"),
        pytest.param("centrifugo", "live", marks=realtime.needs_binary),
        ("hub", "polling"),  # without WebSockets it does not matter which
    ],
    indirect=["restorable"],
)
@pytest.mark.parametrize("while_stopped", [False, True], ids=["under a running service", "while it was stopped"])
async def test_an_open_page_loads_afresh_when_the_log_went_back(
    restorable: Restorable, status: str, *, while_stopped: bool
) -> None:
    ada, bob, room = await together(restorable.windows, "Restored")
    page = await restorable.open(ada, f"/rooms/{room}/", status)
    await say(page, "kept")
    await expect(said(page, "kept")).to_have_count(1)
    backup = await Backup.take(restorable.service.database_url)
    try:
        for content in ("lost", "lost, too"):
            await post(bob, room, content)
            await expect(said(page, content)).to_have_count(1)
        await page.locator("#content").fill("half a thought")
        if while_stopped:
            restorable.service.kill()
        await backup.restore()
        if while_stopped:
            restorable.service.start()
        await expect(said(page, "lost")).to_have_count(0, timeout=PATIENCE_MS)
        await has_status(page, status)
        await expect(page.locator("#content")).to_have_value("half a thought")
        await page.locator("#content").press("Enter")
        await post(bob, room, "and on it goes")
        for content in ("half a thought", "and on it goes"):
            await expect(said(page, content)).to_have_count(1)
        fresh = await restorable.open(ada, f"/rooms/{room}/", status)
        await expect(said(fresh, "and on it goes")).to_have_count(1)
        assert await page.evaluate(SHOWN) == await fresh.evaluate(SHOWN)
        assert await said(page, "lost, too").count() == 0
    finally:
        await backup.discard()
