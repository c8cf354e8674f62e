"""The pictures of the documents: `python -m tests.support.browser.pictures` takes them anew from the pages of today."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from yarl import URL

from api.accounts.demo import PASSWORD, PEOPLE
from tests.support.browser.chromium import SWITCHES, chromium
from tests.support.browser.windows import is_live, take_over
from tests.support.embedded import data_folder
from tests.support.people import Person
from tests.support.realtime.server import ROOT
from tests.support.serving import serving

IMAGES = ROOT / "docs" / "images"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
OPERATIONS = {"width": 1280, "height": 960}

NOTE = b"Note G, first draft: the operations in their order."
EMOJI = "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
"""One that most fonts have."""


class Studio:
    """Where the pictures are taken: the demo people, each logged in, and what they said."""

    def __init__(self, browser: Browser, url: URL, people: dict[str, Person]) -> None:
        self._browser = browser
        self._url = url
        self._people = people

    async def furnish(self) -> str:
        """Have people talk in the demo's rooms and in some of their own; returns the room that is shown."""
        ada, grace, linus, margaret = (self._people[name] for name in PEOPLE)
        rooms = {room["name"]: str(room["id"]) for room in (await ada.get("/api/rooms/")).body["results"]}
        room = rooms["Engines"]
        for name in rooms.values():
            await self._post(ada, name, "read", {"version": 100})
        await self._put(ada, room, "topic", {"topic": "What the Engine can do, and what it is told"})
        first = await self._say(ada, room, "Shall we keep the *first* table as it was printed?")
        await self._say(ada, room, "Note G counts from zero, mine from one.")
        draft = await self._file(grace, room)
        await self._say(grace, room, "Keep both, and say which is newer:\n\n> counts from zero\n\nMy draft:", draft)
        await self._say(margaret, room, f"Agreed. `v{first}` stays readable after the edit.", reply_to=first)
        about = f"/rooms/{room}/messages/{first}"
        await self._submit(ada, f"{about}/edit/", {"content": "We keep the *first* table as it was printed."})
        await self._submit(grace, f"{about}/react/", {"emoji": EMOJI})
        await self._submit(ada, f"{about}/pin/", {})
        await self._say(linus, room, "@ada I count from zero, too.")
        await self._conversations(rooms)
        return room

    async def _conversations(self, rooms: dict[str, str]) -> None:
        ada, grace, linus, margaret = (self._people[name] for name in PEOPLE)
        private = await self._open(margaret, {"name": "Guidance", "visibility": "private", "history": "since_joining"})
        for person in (ada, grace):
            await self._post(margaret, private, "invite", {"username": person.user["username"]})
            await self._post(person, private, "join", {})
        direct = (await grace.post("/api/direct/", {"usernames": ["ada"]})).body["id"]
        await self._say(ada, direct, "The moth is in the log book now.")
        quiet = await self._open(linus, {"name": "Release notes"})
        await self._post(ada, quiet, "join", {})
        await self._submit(ada, f"/rooms/{quiet}/mute/", {"is_muted": "yes"})
        await self._say(grace, rooms["Bugs"], "@ada found another moth.")
        await self._say(margaret, rooms["Bugs"], "Write it down.")

    async def take(self, room: str) -> None:
        """Take all pictures."""
        page = await self._page("ada", f"/rooms/{room}/", **DESKTOP)
        await page.locator("#content").fill("Who read it before")
        await self._picture(page, "room")
        page = await self._page("margaret", f"/rooms/{room}/", **DESKTOP, color_scheme="dark")
        await self._picture(page, "room-dark")
        page = await self._page("margaret", f"/rooms/{room}/history/?at=10", **DESKTOP)
        await self._picture(page, "history")
        await self._picture(await self._page("ada", "/rooms/?page=1", **PHONE), "rooms-phone")
        page = await self._page("ada", f"/rooms/{room}/", **PHONE, color_scheme="dark")
        await self._picture(page, "room-phone-dark")
        page = await self._page("margaret", "/operations/", viewport=OPERATIONS)
        await expect(page.locator('[data-figure="tree-state"]')).to_have_text("well", timeout=60_000)
        await self._picture(page, "operations")

    async def _page(self, name: str, path: str, **options: Any) -> Page:
        context = await self._browser.new_context(base_url=str(self._url), reduced_motion="reduce", **options)
        await self._log_in(context, self._people[name])
        page = await context.new_page()
        await page.goto(path)
        await is_live(page)
        return page

    async def _log_in(self, context: BrowserContext, person: Person) -> None:
        await take_over(context, person, self._url)

    @staticmethod
    async def _picture(page: Page, name: str) -> None:
        await page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")
        await page.context.close()

    async def _say(
        self, person: Person, room: str, content: str, files: list[str] | None = None, *, reply_to: int | None = None
    ) -> int:
        about = {} if reply_to is None else {"reply_to": reply_to}
        attached = {} if files is None else {"attachments": files}
        body = {"content": content, **about, **attached}
        answer = await person.post(f"/api/rooms/{room}/messages/", body)
        assert answer.status == 201, answer.raw
        return int(answer.body["id"])

    @staticmethod
    async def _file(person: Person, room: str) -> list[str]:
        headers = {"X-File-Name": "note-g.txt", "Content-Type": "text/plain"}
        answer = await person.post(f"/api/rooms/{room}/attachments/", raw=NOTE, headers=headers)
        assert answer.status == 201, answer.raw
        return [answer.body["id"]]

    @staticmethod
    async def _open(person: Person, fields: dict[str, str]) -> str:
        answer = await person.post("/api/rooms/", fields)
        assert answer.status == 201, answer.raw
        return str(answer.body["id"])

    @staticmethod
    async def _post(person: Person, room: str, path: str, body: dict[str, Any]) -> None:
        answer = await person.post(f"/api/rooms/{room}/{path}/", body)
        assert answer.status in (200, 201), answer.raw

    @staticmethod
    async def _put(person: Person, room: str, path: str, body: dict[str, Any]) -> None:
        answer = await person.request("PUT", f"/api/rooms/{room}/{path}/", body)
        assert answer.status == 200, answer.raw

    @staticmethod
    async def _submit(person: Person, path: str, fields: dict[str, str]) -> None:
        answer = await person.submit(path, fields)
        assert answer.status == 303, answer.raw


async def pictures(folder: Path) -> None:
    """Take all pictures, of a service of their own with its data in `folder`."""
    async with (
        serving(DATA_DIR=str(folder), DEMO="yes", LOG_LEVEL="error") as service,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        people = {name: Person(service.url) for name in PEOPLE}
        for name, person in people.items():
            await person.log_in(name, PASSWORD)
        studio = Studio(browser, service.url, people)
        await studio.take(await studio.furnish())
        for person in people.values():
            await person.http.close()
        await browser.close()
        await service.stop(signal.SIGTERM)


if __name__ == "__main__":
    with data_folder() as scratch:
        asyncio.run(pictures(scratch))
