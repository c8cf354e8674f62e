"""Markup in messages: an open page makes the same elements as a loaded one, and what is wide scrolls by itself."""

import json

import pytest
from playwright.async_api import Page, expect

from tests.support.browser.windows import Windows, unique
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.realtime.server import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

CASES = json.loads((ROOT / "tests" / "client" / "markup_cases.json").read_text())
NARROW = {"width": 320, "height": 640}
WIDE_BLOCKS = "see\n```sh\n" + "x" * 300 + "\n```\n> - " + "y" * 300 + "\n\n1. " + "z" * 300


async def shown(page: Page) -> list[str]:
    """The HTML of each message's text."""
    html: list[str] = await page.locator(".messages .text").evaluate_all("texts => texts.map((text) => text.innerHTML)")
    return html


async def post(person: Person, room: str, text: str) -> None:
    assert (await person.post(f"/api/rooms/{room}/messages/", {"content": text})).status == 201


async def test_an_open_page_and_a_loaded_one_have_the_same_elements(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(unique("Markup"))
    page = await windows.open(f"/rooms/{room}/", ada)
    texts = [text for text, _ in CASES["markup"] if "\0" not in text]
    for start in range(0, len(texts), 40):  # what a page loads
        for text in texts[start : start + 40]:
            await post(ada, room, text)
    await expect(page.locator(".messages .message")).to_have_count(len(texts))
    live = await shown(page)
    await page.reload()
    loaded = await shown(page)
    assert loaded == live[-len(loaded) :]
    assert len(loaded) > 40
    await expect(page.locator(".messages :is(img, script, svg, table, h1, hr)")).to_have_count(0)


async def test_without_scripts_markup_is_the_same(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(unique("Markup"))
    await post(ada, room, WIDE_BLOCKS)
    live = await windows.open(f"/rooms/{room}/", ada)
    plain = await windows.open(f"/rooms/{room}/", ada, live=False, java_script_enabled=False)
    assert await shown(plain) == await shown(live)
    await plain.get_by_text("Formatting").click()
    await expect(plain.get_by_text("is a quote")).to_be_visible()


async def test_on_a_phone_code_scrolls_in_its_block_and_the_rest_wraps(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(unique("Markup"))
    await post(ada, room, WIDE_BLOCKS)
    page = await windows.open(f"/rooms/{room}/", ada, viewport=NARROW)
    code = page.locator(".messages pre")
    assert await code.evaluate("code => code.scrollWidth > code.clientWidth")
    await code.focus()
    await page.keyboard.press("ArrowRight")
    await expect(code).to_be_focused()

    async def is_scrolled() -> bool:
        return bool(await code.evaluate("code => code.scrollLeft > 0"))

    await eventually(is_scrolled)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.locator(".scroll").evaluate("scroll => scroll.scrollWidth <= scroll.clientWidth")


async def test_direction_does_not_leave_a_message_and_the_history_shows_what_changes_it(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(unique("Markup"))
    await post(ada, room, "\u202etxt.exe\n\n- \u2067https://example.org/\u202egnp")
    page = await windows.open(f"/rooms/{room}/", ada)
    bidi = "element => getComputedStyle(element).unicodeBidi"
    assert await page.locator(".messages .text").evaluate(bidi) == "isolate"
    await expect(page.locator(".messages .control")).to_have_count(0)
    await page.get_by_role("link", name="History").click()
    await expect(page.locator("#moment .message .control")).to_have_text(["RLO", "RLI", "RLO"])
    await expect(page.locator("#moment .stream .control").first).to_have_text("RLO")
    assert "\u202e" not in str(await page.locator("#moment").text_content())
