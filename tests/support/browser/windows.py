"""Browser windows of people, and what must hold in every one of them."""

import itertools
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Route
from yarl import URL

from api.accounts.demo import ADMIN
from api.accounts.demo import PASSWORD as DEMO_PASSWORD
from tests.support.people import Person
from tests.support.realtime.server import ROOT

EXPECTED = ("ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_FAILED", "status of 4")
"""What Chromium writes on the console when a test cuts its network or is refused; not a defect of a page."""

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

CONTRACT = (ROOT / "docs" / "http-api.md").read_text()

DOCUMENTED = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /api/[^\s`?]*)", CONTRACT))
"""Requests that the HTTP contract describes, as `GET /api/rooms/{room_id}/`."""

SHOWN = set(re.findall(r"^\| `(/[^\s`]*/)` \|", CONTRACT, re.MULTILINE))
"""Pages that it describes, as `/rooms/{room_id}/`: a script may show one in place of another."""

_numbers = itertools.count(1)


def unique(name: str) -> str:
    """A name with this prefix, unique in this run."""
    return f"{name}-{next(_numbers)}"


async def take_over(context: BrowserContext, person: Person, url: URL) -> None:
    """Give a browser the session of a person who is logged in."""
    jar = person.http.cookie_jar
    await context.add_cookies([{"name": each.key, "value": each.value, "url": str(url)} for each in jar])


class Windows:
    """Opens windows, each in its own context like a separate device, and collects the errors of all."""

    def __init__(self, browser: Browser, url: URL) -> None:
        self._browser = browser
        self.url = url
        self._cleanup = AsyncExitStack()
        self.problems: list[str] = []

    async def person(self, name: str) -> Person:
        """A new user, with a name that begins like this, who talks to the API."""
        person = await self._cleanup.enter_async_context(Person(self.url))
        await person.sign_up(unique(name))
        return person

    async def admin(self) -> Person:
        """The admin among the demo people."""
        person = await self._cleanup.enter_async_context(Person(self.url))
        await person.log_in(ADMIN, DEMO_PASSWORD)
        return person

    async def device(self, person: Person | None = None, **options: Any) -> BrowserContext:
        """A browser of its own, logged in as `person`."""
        context = await self._browser.new_context(base_url=str(self.url), **options)
        self._cleanup.push_async_callback(context.close)
        if person is not None:
            await take_over(context, person, self.url)
        context.on("page", self._watch)
        return context

    async def open(self, path: str, person: Person | None = None, *, live: bool = True, **options: Any) -> Page:
        """A window of `person` at `path`; with `live`, when it is in step."""
        page = await (await self.device(person, **options)).new_page()
        await page.goto(path)
        if live:
            await is_live(page)
        return page

    async def close(self) -> None:
        await self._cleanup.aclose()

    def _watch(self, page: Page) -> None:
        def note(kind: str) -> Callable[[object], None]:
            return lambda what: self.problems.append(f"{kind}: {what}")

        page.on("pageerror", note("error"))
        page.on("console", self._heard)
        page.on("request", self._requested)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in EXPECTED):
            self.problems.append(f"console: {message.text}")

    def _requested(self, request: Request) -> None:
        url = URL(request.url)
        if url.scheme in ("http", "https") and url.authority != self.url.authority:
            self.problems.append(f"another host: {url}")
        if request.resource_type == "fetch" and not is_described(request):
            self.problems.append(f"a script asks what no contract describes: {request.method} {url.path}")


def is_described(request: Request) -> bool:
    """Whether the HTTP contract says that a script asks this: a request of the API, or a page for the same user."""
    path = UUID.sub("{room_id}", URL(request.url).path)
    path = re.sub(r"/messages/\d+/", "/messages/{version}/", re.sub("/reactions/[^/]+/", "/reactions/{emoji}/", path))
    if request.redirected_from is not None:
        return path == "/login/"
    if not path.startswith("/api/"):
        return request.method == "GET" and path in SHOWN and "x-user" in request.headers
    return f"{request.method} {path}" in DOCUMENTED


async def poll_often(context: BrowserContext) -> None:
    """Let pages of a browser read the feed ten times as often where they poll it."""

    async def hasten(route: Route) -> None:
        response = await route.fetch()
        script = await response.text()
        assert "pollMs: 5000" in script
        await route.fulfill(response=response, body=script.replace("pollMs: 5000", "pollMs: 500"))

    await context.route(re.compile(r"/realtime/pace\b[^/]*\.js$"), hasten)


async def is_live(page: Page) -> None:
    await page.locator('.status[data-status="live"]').wait_for()


async def say(page: Page, text: str) -> None:
    """Type a message and send it."""
    await page.locator("#content").fill(text)
    await page.locator("#content").press("Enter")


def said(page: Page, text: str) -> Locator:
    """The message that says this, confirmed."""
    return page.locator(".messages .text").get_by_text(text, exact=True)
