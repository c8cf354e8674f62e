"""Finding one's way: a link to every message, the way back, the first unread one, a day, and Ctrl+K."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_live import post, together
from tests.browser.test_pages import is_accessible
from tests.support.browser.windows import Windows, is_live, said
from tests.support.people import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 390, "height": 844}
MANY = 360
"""More messages than a live page shows."""


async def talked(windows: Windows, name: str, count: int) -> tuple[Person, Person, str, list[int]]:
    """Two people in a room, in which the second said `count` things that the first has read; and their ids."""
    ada, bob, room = await together(windows, name)
    ids = [await post(bob, room, f"number {number}") for number in range(count)]
    answer = await ada.post(f"/api/rooms/{room}/read/", {"version": ids[-1]})
    assert answer.status == 200, answer.raw
    return ada, bob, room, ids


async def top_of(page: Page, item: int) -> float:
    return float(await page.locator(f"#m{item}").evaluate("item => item.getBoundingClientRect().top"))


async def test_a_link_opens_the_room_at_its_message_which_stays_live(windows: Windows) -> None:
    ada, bob, room, ids = await talked(windows, "Linked", 120)
    page = await windows.open(f"/rooms/{room}/?at={ids[10]}", ada)
    await expect(page.locator(".sought .text")).to_have_text("number 10")
    await expect(page.locator(".sought")).to_be_in_viewport()
    await expect(said(page, "number 9")).to_be_in_viewport()
    await post(bob, room, "and now")
    await expect(page.get_by_role("button", name="New messages below")).to_be_visible()
    await expect(page.locator(".sought")).to_be_in_viewport()
    await page.get_by_role("button", name="New messages below").click()
    await expect(said(page, "and now")).to_be_in_viewport()


async def test_a_link_opens_a_message_of_any_age_with_what_is_around_it(windows: Windows) -> None:
    ada, _, room, ids = await talked(windows, "Of any age", MANY)
    for scripted in (True, False):
        address = f"/rooms/{room}/?at={ids[20]}#m{ids[20]}"
        page = await windows.open(address, ada, live=scripted, java_script_enabled=scripted)
        await expect(page.locator(f"#m{ids[20]}")).to_be_in_viewport()
        await expect(said(page, "number 19")).to_be_in_viewport()
        await page.get_by_role("link", name="Newest messages").click()
        await expect(said(page, f"number {MANY - 1}")).to_be_in_viewport()
        await page.goto(address)
        await page.get_by_role("link", name="Newer messages").click()
        await expect(said(page, "number 61")).to_have_count(1)


async def test_the_time_of_a_message_is_a_link_to_it(windows: Windows) -> None:
    ada, _, room, ids = await talked(windows, "Times", 3)
    page = await windows.open(f"/rooms/{room}/", ada)
    link = page.locator(f"#m{ids[0]} .when")
    await expect(link).to_have_attribute("href", f"/rooms/{room}/?at={ids[0]}#m{ids[0]}")
    await link.click()
    await expect(page.locator(".sought")).to_have_attribute("id", f"m{ids[0]}")


async def test_back_leads_to_where_one_was_in_a_room(windows: Windows) -> None:
    ada, _, room, ids = await talked(windows, "Back", 120)
    page = await windows.open(f"/rooms/{room}/", ada)
    for item in (ids[85], ids[30]):  # of the first page, and one that had to be loaded
        await expect(page.locator(".messages .message").last).to_have_count(1)
        while await page.locator(f"#m{item}").count() == 0:
            await page.locator(".older a").dispatch_event("click")  # scrolling may have loaded all in between
            await expect(page.locator(".older a")).to_have_text("Older messages")
        await page.locator(f"#m{item}").evaluate("item => item.scrollIntoView({ block: 'start' })")
        before = await top_of(page, item)
        await page.get_by_role("link", name="Discover").click()
        await expect(page).to_have_title("Discover rooms · onrecord")
        await page.go_back()
        await expect(page.locator(f"#m{item}")).to_be_in_viewport()
        assert abs(await top_of(page, item) - before) < 3


async def test_the_first_unread_message_is_one_press_away_however_much_is_unread(windows: Windows) -> None:
    ada, bob, room = await together(windows, "First unread")
    ids = [await post(bob, room, f"number {number}") for number in range(MANY)]
    page = await windows.open(f"/rooms/{room}/", ada)
    link = page.get_by_role("link", name="First unread message")
    await expect(link).to_be_in_viewport(ratio=1)
    await link.click()
    await expect(page.locator(f"#m{ids[0]}")).to_be_in_viewport()


async def test_a_day_leads_to_its_first_message_and_a_day_after_the_last_to_the_newest(windows: Windows) -> None:
    ada, _, room, ids = await talked(windows, "Days", 60)
    page = await windows.open(f"/rooms/{room}/", ada)
    for day, first in (("2020-01-01", ids[0]), ("2999-01-01", ids[-1])):
        await page.locator(".people summary").click()
        await page.get_by_label("Go to a day").fill(day)
        await page.get_by_role("button", name="Go", exact=True).click()
        await expect(page.locator(f"#m{first}")).to_be_in_viewport()
        await is_live(page)


async def test_ctrl_k_jumps_to_rooms_and_people_by_keyboard_alone(windows: Windows) -> None:
    ada, bob, room, _ = await talked(windows, "Here", 1)
    other = await ada.open_room(f"Elsewhere {ada.user['username']}")
    page = await windows.open(f"/rooms/{room}/", ada, bypass_csp=True)
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await is_accessible(page)
    await page.keyboard.type("elsewh")
    await expect(page.get_by_role("option").first).to_contain_text("Elsewhere")
    await page.keyboard.press("Enter")
    await expect(page.locator(".conversation")).to_have_attribute("data-room", other)
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.keyboard.press("Control+k")
    await page.keyboard.type(bob.user["username"])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(bob.user["username"])
    await page.keyboard.press("Control+k")
    await page.keyboard.type(bob.user["username"])
    await expect(page.get_by_role("option", name=bob.user["username"], exact=False)).to_have_text(
        [re.compile("Direct$"), re.compile("Discover$")]  # and not as a person as well
    )
    await page.keyboard.press("Escape")
    await expect(page.locator("#content")).to_be_focused()


async def test_my_rooms_opens_the_last_room_on_a_desktop_and_the_list_on_a_phone(windows: Windows) -> None:
    ada, _, room, _ = await talked(windows, "Last", 1)
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.goto("/rooms/")
    await expect(page.locator(".conversation")).to_have_attribute("data-room", room)
    await page.wait_for_url(f"**/rooms/{room}/")
    await page.get_by_role("link", name="My rooms", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("My rooms")
    phone = await windows.open(f"/rooms/{room}/", ada, viewport=PHONE)
    await phone.goto("/rooms/")
    await is_live(phone)
    await expect(phone.get_by_role("heading", level=1)).to_have_text("My rooms")


async def test_a_phone_shows_what_is_unread_elsewhere(windows: Windows) -> None:
    ada, bob, room, _ = await talked(windows, "In hand", 1)
    other = await bob.open_room(f"Not in hand {bob.user['username']}")
    await ada.post(f"/api/rooms/{other}/join/")
    phone = await windows.open(f"/rooms/{room}/", ada, viewport=PHONE)
    await expect(phone.locator(".elsewhere")).to_be_hidden()
    await post(bob, other, "over here")
    await expect(phone.locator(".elsewhere")).to_have_text("1")
    await phone.get_by_role("link", name="Back to my rooms, 1 unread message").click()
    await expect(phone.locator(f'main .room[data-id="{other}"] .count')).to_have_text("1")
