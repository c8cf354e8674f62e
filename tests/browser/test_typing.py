"""What people type is never lost, never cut, never said twice, and never sent under another name."""

import asyncio
from functools import partial
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.browser.test_live import post, together
from tests.browser.test_pages import PHONE
from tests.support.browser.chromium import LAN_HOST
from tests.support.browser.service import Service
from tests.support.browser.windows import Windows, is_live, said, say
from tests.support.people import PASSWORD, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT = 4000
NO_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("blocked", "SecurityError"); } });
"""
FULL_STORAGE = """
Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
"""
WATCH = """
window.most = 0;
const count = () => {
    window.most = Math.max(window.most, document.querySelectorAll(".messages .message, .outgoing-message").length);
    requestAnimationFrame(count);
};
count();
"""
"""How many messages were shown at once, in any frame."""


def messages_of(room: str) -> str:
    return f"**/api/rooms/{room}/messages/"


def outgoing(page: Page) -> Locator:
    return page.locator(".outgoing-message .text")


def field(page: Page) -> Locator:
    return page.locator("#content")


async def in_the_log(person: Person, room: str) -> list[tuple[int, str]]:
    """Who said what in the room, oldest first."""
    found = (await person.get(f"/api/rooms/{room}/messages/")).body["results"]
    return [(message["user"]["id"], message["content"]) for message in reversed(found)]


async def log_in(page: Page, person: Person) -> None:
    """By the form of a login page that is open."""
    await page.get_by_label("Name").fill(person.user["username"])
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()


async def test_a_draft_survives_other_rooms_going_back_reloading_and_the_end_of_the_session(windows: Windows) -> None:
    ada, _, room = await together(windows, "Draft")
    second = await ada.open_room(f"Second draft {ada.user['username']}")
    page = await windows.open(f"/rooms/{room}/", ada)
    await field(page).fill("half a thought")
    await page.locator(f'.sidebar .room[data-id="{second}"] a').click()
    await page.wait_for_url(f"**/rooms/{second}/")
    await expect(field(page)).to_have_value("")
    await field(page).fill("another one")
    await page.go_back()
    await expect(field(page)).to_have_value("half a thought")
    await page.reload()
    await expect(field(page)).to_have_value("half a thought")
    assert (await ada.post("/api/logout/", {})).status == 200
    await page.get_by_role("link", name="Log in again").click()
    await log_in(page, ada)
    await page.wait_for_url(f"**/rooms/{room}/")
    await expect(field(page)).to_have_value("half a thought")
    await field(page).press("Enter")
    await expect(said(page, "half a thought")).to_have_count(1)
    await page.reload()
    await expect(field(page)).to_have_value("")
    await page.goto(f"/rooms/{second}/")
    await expect(field(page)).to_have_value("another one")


async def test_messages_that_were_not_sent_survive_a_reload_and_go_out_by_themselves_in_order(
    windows: Windows,
) -> None:
    ada, bob, room = await together(windows, "Unsent")
    page, other = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{room}/", bob)
    await page.context.route(messages_of(room), lambda route: route.abort())
    for text in ("one", "two", "three"):
        await say(page, text)
    await expect(outgoing(page)).to_have_text(["one", "two", "three"])
    await page.reload()
    await expect(outgoing(page)).to_have_text(["one", "two", "three"])
    await expect(page.locator(".outgoing-message .state").first).to_contain_text("Not sent yet")
    await page.context.unroute(messages_of(room))
    await page.goto("/account/")  # from whichever page
    await expect(other.locator(".messages .text")).to_have_text(["one", "two", "three"])
    await page.goto(f"/rooms/{room}/")
    await expect(outgoing(page)).to_have_count(0)
    assert [text for _, text in await in_the_log(ada, room)] == ["one", "two", "three"]


async def test_messages_typed_offline_go_out_in_order_when_the_network_is_back(windows: Windows) -> None:
    ada, _, room = await together(windows, "Offline")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.context.set_offline(True)
    await page.locator('.status[data-status="offline"]').wait_for()
    texts = [f"number {number}" for number in range(6)]
    for text in texts:
        await say(page, text)
    await page.context.set_offline(False)
    await expect(page.locator(".messages .text")).to_have_text(texts)
    await expect(outgoing(page)).to_have_count(0)
    assert [text for _, text in await in_the_log(ada, room)] == texts
    await is_live(page)  # a window that closes while it connects complains


async def test_the_same_words_from_another_device_do_not_swallow_a_message(windows: Windows) -> None:
    ada, _, room = await together(windows, "Same words")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.context.route(messages_of(room), lambda route: route.abort())
    await say(page, "yes")
    await expect(outgoing(page)).to_have_text(["yes"])
    await post(ada, room, "yes")
    await expect(said(page, "yes")).to_have_count(1)
    await expect(outgoing(page)).to_have_text(["yes"])
    await page.context.unroute(messages_of(room))
    await expect(said(page, "yes")).to_have_count(2)
    await expect(outgoing(page)).to_have_count(0)


@pytest.mark.parametrize("has_socket", [True, False], ids=["published", "polled"])
async def test_a_message_that_arrives_before_its_answer_is_shown_once(windows: Windows, has_socket: bool) -> None:
    ada, _, room = await together(windows, "Echo")
    context = await windows.device(ada)
    if not has_socket:
        await context.route_web_socket("**/connection/websocket", lambda socket: socket.close())
    page = await context.new_page()
    await page.goto(f"/rooms/{room}/")
    await page.locator(f'.status[data-status="{"live" if has_socket else "polling"}"]').wait_for()
    may_answer = asyncio.Event()

    async def answer_late(route: Route) -> None:
        answer = await route.fetch()
        await may_answer.wait()
        await route.fulfill(response=answer)

    await context.route(messages_of(room), answer_late)
    await page.evaluate(WATCH)
    await say(page, "yes")
    await expect(said(page, "yes")).to_have_count(1)
    await expect(outgoing(page)).to_have_count(0)
    assert await page.evaluate("window.most") == 1, "it was never there twice"
    await say(page, "yes")  # the first one is still without an answer
    await expect(outgoing(page)).to_have_text(["yes"])
    may_answer.set()
    await expect(said(page, "yes")).to_have_count(2)
    await expect(outgoing(page)).to_have_count(0)
    assert [text for _, text in await in_the_log(ada, room)] == ["yes", "yes"]


async def test_two_windows_of_one_user_send_a_message_once(windows: Windows) -> None:
    ada, _, room = await together(windows, "Two windows")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.context.route(messages_of(room), lambda route: route.abort())
    await say(page, "once")
    second = await page.context.new_page()
    await second.goto(f"/rooms/{room}/")
    await expect(outgoing(second)).to_have_text(["once"])
    await page.context.unroute(messages_of(room))
    for window in (page, second):
        await expect(said(window, "once")).to_have_count(1)
        await expect(outgoing(window)).to_have_count(0)
    assert len(await in_the_log(ada, room)) == 1


async def test_a_refused_message_is_shown_and_does_not_hold_up_the_next(windows: Windows) -> None:
    ada, _, room = await together(windows, "Refused")
    page = await windows.open(f"/rooms/{room}/", ada)
    refusal = {"content": ["This cannot be said."]}
    await page.context.route(messages_of(room), lambda route: route.fulfill(status=400, json=refusal), times=1)
    await say(page, "refused")
    await say(page, "accepted")
    await expect(said(page, "accepted")).to_have_count(1)
    await expect(page.locator(".outgoing-message .state")).to_have_text("Not sent. This cannot be said.")
    await page.reload()
    await expect(outgoing(page)).to_have_text(["refused"])
    await page.get_by_role("button", name="Try again").click()
    await expect(said(page, "refused")).to_have_count(1)


async def test_text_over_the_limit_is_kept_counted_and_marked(windows: Windows) -> None:
    ada, _, room = await together(windows, "Long text")
    page = await windows.open(f"/rooms/{room}/", ada)
    await field(page).focus()
    await page.keyboard.insert_text("👋" * (LIMIT + 100))
    await expect(page.locator(".length")).to_have_text("4,100 of 4,000 characters: 100 too many")
    await expect(field(page)).to_have_attribute("aria-invalid", "true")
    await page.keyboard.press("Enter")
    assert await field(page).input_value() == "👋" * (LIMIT + 100)
    await page.reload()
    assert await field(page).input_value() == "👋" * (LIMIT + 100)
    await field(page).fill("👋" * LIMIT)
    await expect(page.locator(".length")).to_have_text("4,000 of 4,000 characters")
    await field(page).press("Enter")
    await expect(said(page, "👋" * LIMIT)).to_have_count(1)
    await expect(page.locator(".length")).to_be_hidden()


@pytest.mark.parametrize("has_socket", [True, False], ids=["live", "without WebSocket"])
async def test_nothing_is_sent_under_the_name_of_another_user_who_logged_in_since(
    windows: Windows, has_socket: bool
) -> None:
    ada, grace, room = await together(windows, "Names")
    context = await windows.device(ada)
    if not has_socket:
        await context.route_web_socket("**/connection/websocket", lambda socket: socket.close())
    page = await context.new_page()
    await page.goto(f"/rooms/{room}/")
    await field(page).fill("ada's words")
    login = await context.new_page()
    await login.goto("/account/")
    await login.get_by_role("button", name="Log out", exact=True).click()
    await log_in(login, grace)
    await login.wait_for_url("**/rooms/")
    if await field(page).count() and await field(page).is_enabled():
        await field(page).press("Enter")
    await expect(page.locator(".other-user")).to_be_visible()
    await login.goto(f"/rooms/{room}/")
    await expect(field(login)).to_have_value("")
    await expect(outgoing(login)).to_have_count(0)
    await expect(said(login, "ada's words")).to_have_count(0)
    assert await in_the_log(grace, room) == []
    assert "ada's words" in await page.evaluate("JSON.stringify(localStorage)")


async def test_a_form_without_scripts_is_not_sent_under_another_name_either(windows: Windows) -> None:
    ada, grace, room = await together(windows, "Names in forms")
    context = await windows.device(ada, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"/rooms/{room}/")
    await field(page).fill("ada's words")
    login = await context.new_page()
    await login.goto("/account/")
    await login.get_by_role("button", name="Log out", exact=True).click()
    await log_in(login, grace)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".card")).to_contain_text(f"{grace.user['username']} is logged in now")
    await expect(page.locator("#typed")).to_have_value("ada's words")
    assert await in_the_log(grace, room) == []


@pytest.mark.parametrize("script", [NO_STORAGE, FULL_STORAGE], ids=["blocked", "full"])
async def test_without_storage_the_page_says_so_and_still_sends(windows: Windows, script: str) -> None:
    ada, _, room = await together(windows, "No storage")
    context = await windows.device(ada)
    await context.add_init_script(script)
    page = await context.new_page()
    await page.goto(f"/rooms/{room}/")
    await is_live(page)
    await expect(page.locator(".unsafe")).to_be_hidden()
    await page.context.route(messages_of(room), lambda route: route.abort())
    await say(page, "from memory")
    await expect(outgoing(page)).to_have_text(["from memory"])
    await expect(page.locator(".unsafe")).to_be_visible()
    await page.context.unroute(messages_of(room))
    await expect(said(page, "from memory")).to_have_count(1)
    await expect(outgoing(page)).to_have_count(0)
    await expect(page.locator(".unsafe")).to_be_hidden()


async def test_people_talk_over_plain_http_in_a_local_network(
    browser: Browser, service: Service, windows: Windows
) -> None:
    ada, _, room = await together(windows, "LAN")
    lan = Windows(browser, service.url.with_host(LAN_HOST))
    page = await lan.open(f"/rooms/{room}/", ada)
    assert not await page.evaluate("isSecureContext")
    await say(page, "from the next room")
    await expect(said(page, "from the next room")).to_have_count(1)
    await expect(field(page)).to_have_value("")
    await lan.close()
    assert lan.problems == []


async def test_on_a_phone_enter_makes_a_line_and_the_button_sends(windows: Windows) -> None:
    ada, _, room = await together(windows, "Phone")
    page = await windows.open(f"/rooms/{room}/", ada, viewport=PHONE, has_touch=True, is_mobile=True)
    await field(page).tap()
    await page.keyboard.type("one")
    await page.keyboard.press("Enter")
    await page.keyboard.type("two")
    await page.get_by_role("button", name="Send").tap()
    await expect(said(page, "one\ntwo")).to_have_count(1)
    assert [text for _, text in await in_the_log(ada, room)] == ["one\ntwo"]


@pytest.mark.parametrize("event", [{"isComposing": True}, {"keyCode": 229}], ids=["isComposing", "Safari"])
async def test_the_enter_that_ends_a_composition_sends_nothing(windows: Windows, event: dict[str, Any]) -> None:
    ada, _, room = await together(windows, "Composition")
    page = await windows.open(f"/rooms/{room}/", ada)
    await field(page).fill("日本")
    press = partial(
        field(page).evaluate,
        "(field, more) => field.dispatchEvent(new KeyboardEvent('keydown', "
        "{ key: 'Enter', bubbles: true, cancelable: true, ...more }))",
    )
    assert await press(event) is True, "the browser's own Enter is not prevented"
    await expect(field(page)).to_have_value("日本")
    assert await press({}) is False
    await expect(said(page, "日本")).to_have_count(1)
