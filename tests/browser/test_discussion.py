"""What is done about a message in one window, every other shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.test_live import post, together
from tests.support.browser.windows import Windows, is_live, said, say

pytestmark = pytest.mark.asyncio(loop_scope="session")


def message(page: Page, text: str) -> Locator:
    """The message that says this."""
    return page.locator(".messages .message").filter(has=page.locator(".text", has_text=text))


async def choose(page: Page, text: str, name: str) -> None:
    """Open the menu of the message that says this, and press a button."""
    await message(page, text).locator(".actions").click()
    await page.locator(".message-menu").get_by_role("button", name=name, exact=True).click()


async def test_the_arrow_upwards_edits_the_last_own_message_in_place_and_escape_leaves_it(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Edits")
    hers, his = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{room}/", bob)
    await say(hers, "helo")
    await say(his, "something else")
    await expect(said(hers, "something else")).to_have_count(1)
    field = hers.locator("#content")
    await field.press("ArrowUp")
    await expect(hers.locator(".composer .mode")).to_contain_text("Editing")
    await expect(field).to_have_value("helo")
    await field.press("Escape")
    await expect(hers.locator(".composer .mode")).to_be_hidden()
    await expect(field).to_have_value("")
    await field.press("ArrowUp")
    await field.fill("hello")
    await field.press("Enter")
    for page in (hers, his):
        await expect(said(page, "hello")).to_have_count(1)
        await expect(said(page, "helo")).to_have_count(0)
        await expect(message(page, "hello").locator(".edited")).to_be_visible()
    await expect(field).to_have_value("")


async def test_an_open_page_offers_no_edit_once_the_time_for_it_is_over(windows: Windows) -> None:
    ada, _, room = await together(windows, "Too late")
    page = await windows.open(f"/rooms/{room}/", ada)
    await say(page, "helo")
    await message(page, "helo").locator(".actions").click()
    edit = page.locator(".message-menu").get_by_role("button", name="Edit", exact=True)
    await expect(edit).to_be_visible()
    await page.keyboard.press("Escape")
    await page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=25))
    await message(page, "helo").locator(".actions").click()
    await expect(page.locator(".message-menu").get_by_role("button", name="Reply")).to_be_visible()
    await expect(edit).to_be_hidden()
    await page.keyboard.press("Escape")
    await page.locator("#content").press("ArrowUp")
    await expect(page.locator(".composer .mode")).to_be_hidden()


async def test_the_time_for_edits_goes_by_the_clock_of_the_server(windows: Windows) -> None:
    ada, _, room = await together(windows, "Wrong clock")
    page = await (await windows.device(ada)).new_page()
    await page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=2))
    await page.goto(f"/rooms/{room}/")
    await is_live(page)
    await say(page, "helo")
    await message(page, "helo").locator(".actions").click()
    await expect(page.locator(".message-menu").get_by_role("button", name="Edit", exact=True)).to_be_visible()


async def test_an_answer_that_arrives_quotes_a_message_that_is_not_loaded(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Far back")
    first = await post(bob, room, "where it began")
    for number in range(55):
        await post(bob, room, f"number {number}")
    await ada.post(f"/api/rooms/{room}/read/", {"version": 1000})
    page = await windows.open(f"/rooms/{room}/", ada)
    await expect(page.locator(f"#m{first}")).to_have_count(0)
    answer = await bob.post(f"/api/rooms/{room}/messages/", {"content": "indeed", "reply_to": first})
    line = page.locator(f"#m{answer.body['id']} .reply-line")
    await expect(line).to_have_text(f"{bob.user['username']}: where it began")
    await bob.post(f"/api/rooms/{room}/messages/{first}/retract/", {"why": ""})
    await expect(line).to_have_text(f"{bob.user['username']}: (retracted)")


async def test_what_is_written_stays_while_a_message_is_edited(windows: Windows) -> None:
    ada, _, room = await together(windows, "Drafts")
    hers = await windows.open(f"/rooms/{room}/", ada)
    await say(hers, "one")
    await hers.locator("#content").fill("half a sentence")
    await choose(hers, "one", "Edit")
    await expect(hers.locator("#content")).to_have_value("one")
    await hers.locator("#content").fill("two")
    await hers.locator("#content").press("Enter")
    await expect(said(hers, "two")).to_have_count(1)
    await expect(hers.locator("#content")).to_have_value("half a sentence")


async def test_reactions_are_added_and_taken_back_with_one_press(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Reactions")
    hers, his = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{room}/", bob)
    await say(hers, "done!")
    await choose(his, "done!", "🎉")
    for page in (hers, his):
        await expect(message(page, "done!").locator(".reaction")).to_have_text("🎉 1")
    await message(hers, "done!").locator(".reaction").click()
    for page in (hers, his):
        await expect(message(page, "done!").locator(".reaction")).to_have_text("🎉 2")
    await message(his, "done!").locator(".reaction").click()
    await message(hers, "done!").locator(".reaction").click()
    for page in (hers, his):
        await expect(message(page, "done!").locator(".reaction")).to_have_count(0)


async def test_a_reply_quotes_the_message_and_follows_its_edits(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Replies")
    hers, his = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{room}/", bob)
    await say(hers, "shall we?")
    await choose(his, "shall we?", "Reply")
    await expect(his.locator(".composer .mode")).to_contain_text(f"Replying to {ada.user['username']}")
    await say(his, "yes")
    await expect(his.locator(".composer .mode")).to_be_hidden()
    quote = message(hers, "yes").locator(".reply-line")
    await expect(quote).to_have_text(f"{ada.user['username']}: shall we?")
    await choose(hers, "shall we?", "Edit")
    await say(hers, "shall we go?")
    for page in (hers, his):
        await expect(message(page, "yes").locator(".reply-line")).to_have_text(f"{ada.user['username']}: shall we go?")


async def test_a_phone_that_is_at_the_end_stays_there_while_a_message_is_replied_to(windows: Windows) -> None:
    ada, bob, room = await together(windows, "At the end")
    for number in range(20):
        newest = await post(ada, room, f"number {number}")
    await bob.post(f"/api/rooms/{room}/read/", {"version": newest})
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = await windows.open(f"/rooms/{room}/#newest", bob, **phone)
    menu, last = page.locator(".message-menu"), message(page, "number 19")
    await last.locator(".actions").tap()
    await expect(menu).to_be_in_viewport(ratio=1)
    await menu.get_by_role("button", name="Reply").tap()
    await expect(page.locator(".composer .mode")).to_be_visible()
    await expect(last).to_be_in_viewport(ratio=1)
    await expect(page.locator(".jump")).to_be_hidden()
    await page.locator(".composer .cancel").tap()
    await last.locator(".actions").tap()
    await menu.get_by_role("button", name="👍").tap()
    await expect(last.locator(".reaction")).to_be_in_viewport(ratio=1)
    await expect(page.locator(".jump")).to_be_hidden()


async def test_pinned_messages_are_listed_and_a_retracted_one_leaves_every_window(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Pins")
    hers, his = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{room}/", bob)
    await say(hers, "the rules")
    await choose(his, "the rules", "Pin")
    await hers.locator(".people summary").click()
    await expect(hers.locator(".pinned-list li")).to_have_text(f"{ada.user['username']}: the rules")
    await hers.keyboard.press("Escape")
    await message(hers, "the rules").locator(".actions").click()
    await hers.locator(".message-menu .more").click()
    await hers.get_by_label("Why").fill("other rules")
    await hers.get_by_role("button", name="Retract").click()
    await expect(hers.locator(".message.retracted .text")).to_contain_text("other rules")
    await expect(said(his, "the rules")).to_have_count(0)
    await expect(his.locator(".message.retracted .text")).to_contain_text("other rules")
    await expect(his.locator(".pinned-list li")).to_have_count(0)
    last = his.locator(f'.sidebar .room[data-id="{room}"] .last')
    await expect(last).to_have_text(f"{ada.user['username']}: (retracted)")
