"""Search in messages as people use it: from every page, with and without scripts, to the message and back."""

import pytest
from playwright.async_api import expect

from tests.browser.test_live import post, together
from tests.browser.test_pages import is_accessible
from tests.support.browser.windows import Windows, is_live

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_what_was_said_is_found_from_every_page_and_opened_in_its_place(
    windows: Windows, color_scheme: str
) -> None:
    ada, bob, room = await together(windows, "Sought")
    wanted = await post(bob, room, "The *Engine* weaves <b>patterns</b>")
    for number in range(60):
        await post(bob, room, f"cog {number}")
    page = await windows.open(f"/rooms/{room}/", ada, color_scheme=color_scheme, bypass_csp=True)
    field = page.get_by_role("searchbox", name="Search messages")
    await field.fill("engine")
    await field.press("Enter")
    await expect(page.locator(".hits li")).to_have_count(1)
    await expect(page.locator(".hits .text")).to_have_text("The *Engine* weaves <b>patterns</b>")
    await expect(page.locator(".hits mark")).to_have_text("Engine")
    await is_live(page)
    await is_accessible(page)
    await page.locator(".hits li").click()  # all of a hit is a link
    await page.wait_for_url(f"**/rooms/{room}/?at={wanted}*")
    await expect(page.locator(f"#m{wanted}")).to_be_in_viewport()
    await page.go_back()
    await expect(page.locator(".hits mark")).to_have_text("Engine")

    again = page.get_by_label("Messages in your rooms")
    await again.fill("cog from:nobody-has-this-name")
    await again.press("Enter")
    await expect(page.locator("#q-problem")).to_have_text("from: names no user.")
    await is_accessible(page)
    await page.goto("/search/?q=nothing-like-it")
    await expect(page.get_by_text("No message in your rooms matches")).to_be_visible()
    await is_accessible(page)


async def test_a_phone_without_scripts_searches_page_by_page(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Paged")
    for number in range(60):
        await post(bob, room, f"cog {number} {'w' * 200}")
    page = await windows.open("/rooms/?page=1", ada, live=False, java_script_enabled=False, viewport=PHONE)
    await page.get_by_role("link", name="Search", exact=True).click()
    await expect(page.get_by_text("words one after another")).to_be_attached()
    await page.get_by_label("Messages in your rooms").fill("cog in:Paged*")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("#q-problem")).to_have_text("in: names a room that you are not in.")
    await page.get_by_label("Messages in your rooms").fill("cog has:link")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("No message in your rooms matches")).to_be_visible()
    await page.get_by_label("Messages in your rooms").fill("cog")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator(".hits li")).to_have_count(50)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator(".hits li")).to_have_count(10)
    await expect(page.locator(".hits mark").last).to_have_text("cog")
    await page.get_by_role("link", name="Newest").click()
    await expect(page.locator(".hits .text").first).to_contain_text("cog 59")


async def test_the_files_of_what_is_found_stand_below_its_words(windows: Windows) -> None:
    ada, _, room = await together(windows, "With files")
    headers = {"X-File-Name": "plan of the loom.txt", "Content-Type": "text/plain"}
    file = (await ada.post(f"/api/rooms/{room}/attachments/", raw=b"a plan", headers=headers)).body["id"]
    body = {"content": "look", "attachments": [file]}
    assert (await ada.post(f"/api/rooms/{room}/messages/", body)).status == 201
    page = await windows.open("/search/?q=has:file", ada, viewport=PHONE)
    await expect(page.locator(".hits .hint")).to_have_text("Files: plan of the loom.txt")
    words, files = [await page.locator(f".hits {part}").bounding_box() for part in (".text", ".hint")]
    assert words is not None
    assert files is not None
    assert (files["x"], files["width"]) == (words["x"], words["width"])
