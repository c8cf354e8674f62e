"""What a first visit asks for, and how many bytes its answers have on the wire. Bodies count as they are sent."""

import pytest
from playwright.async_api import Page, Request, Route, expect
from yarl import URL

from tests.browser.test_live import post
from tests.browser.test_switching import two_rooms
from tests.support.browser.windows import Windows, is_live, said
from tests.support.people import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAID = "What was said is kept, proved and replayed, as long as the record is. "


class Wire:
    """What a page asks for from now on."""

    def __init__(self, page: Page) -> None:
        self._requests: list[Request] = []
        page.on("requestfinished", lambda request: self._requests.append(request))

    async def sizes(self) -> dict[str, int]:
        """Bytes of each answer, by path. A file's path has no hash."""
        return {_without_hash(each): (await each.sizes())["responseBodySize"] for each in self._requests}


def _without_hash(request: Request) -> str:
    first, _, rest = URL(request.url).path.partition(".")
    return f"{first}.{rest.rpartition('.')[2]}" if rest else first


async def visited(windows: Windows, path: str, person: Person) -> tuple[Page, Wire]:
    """A page that was visited with an empty cache, when it is live."""
    page = await (await windows.device(person)).new_page()
    wire = Wire(page)
    await page.goto(path)
    await is_live(page)
    return page, wire


async def test_a_first_visit_has_less_than_60_kb_on_the_wire(windows: Windows) -> None:
    ada, _, _, _ = await two_rooms(windows, "Wire")
    _, wire = await visited(windows, "/rooms/", ada)
    sizes = await wire.sizes()
    assert sum(sizes.values()) < 60_000, sizes
    assert len(sizes) <= 14, sizes


async def test_what_is_not_shown_at_once_is_loaded_when_it_is(windows: Windows) -> None:
    ada, bob, first, _ = await two_rooms(windows, "Later")
    for number in range(50):
        await post(bob, first, f"{SAID}This is number {number}.")
    page, wire = await visited(windows, f"/rooms/{first}/", ada)
    sizes = await wire.sizes()
    assert sum(sizes.values()) < 82_000, sizes
    assert len(sizes) <= 20, sizes
    seen = set(sizes)

    async def loaded() -> set[str]:
        new = {path for path in await wire.sizes() if path.startswith("/static/")} - seen
        seen.update(new)
        return new

    await page.keyboard.press("Escape")  # to the newest
    await post(bob, first, "plain news")
    await expect(said(page, "plain news")).to_have_count(1)
    assert await loaded() == set()
    await post(bob, first, "*news*")
    await expect(page.locator(".messages .text em")).to_have_text("news")
    assert await loaded() == {"/static/pages/markup-reader.js", "/static/vendor/markdown-it.js"}
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    assert await loaded() == {"/static/pages/jump-dialog.js"}
    await page.get_by_role("textbox", name="Message").press_sequentially("@")
    await expect(page.get_by_role("option", name=bob.user["username"])).to_be_visible()
    assert await loaded() == {"/static/pages/room/mention-completion.js"}


async def test_a_message_is_shown_as_typed_until_what_reads_markup_has_come(windows: Windows) -> None:
    ada, bob, first, _ = await two_rooms(windows, "As typed")
    page, _ = await visited(windows, f"/rooms/{first}/", ada)
    waiting: list[Route] = []
    await page.route("**/static/pages/markup-reader.*", lambda route: waiting.append(route))
    await post(bob, first, "*soon*")
    await expect(page.locator(".messages .text").last).to_have_text("*soon*")
    await expect(page.locator(".sidebar .words").first).to_have_text("*soon*")
    while waiting:
        await waiting.pop().continue_()
    await expect(page.locator(".messages .text em")).to_have_text("soon")
    await expect(page.locator(".sidebar .words").first).to_have_text("soon")
