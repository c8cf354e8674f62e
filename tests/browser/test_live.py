"""Pages that are open: what one window does, every other shows."""

import asyncio
import time
from typing import Literal

import pytest
from playwright.async_api import Locator, Page, Route, expect

from centrifugo.tokens import CONNECTION_TTL_S, connection_token
from tests.support.browser.service import TOKEN_SECRET, Service
from tests.support.browser.windows import Windows, is_live, said, say, unique
from tests.support.people import PASSWORD, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

MORE_THAN_THE_HISTORY = 1050
MOST = 400
"""Messages of a room that are on the page at once."""

WALK = """async (direction) => {
    const scroll = document.querySelector(".scroll");
    const end = document.querySelector(direction === "up" ? ".older" : ".jump");
    const met = new Set();
    let isLast = false;
    while (!isLast) {
        isLast = end.hidden && met.size > 0;
        for (const item of document.querySelectorAll(".messages .message")) met.add(Number(item.dataset.id));
        scroll.scrollTop = direction === "up" ? 0 : scroll.scrollHeight;
        await new Promise(requestAnimationFrame);
    }
    return [...met].sort((one, other) => one - other);
}"""


async def together(windows: Windows, name: str) -> tuple[Person, Person, str]:
    """Two people in a room of their own."""
    ada, bob = await windows.person("ada"), await windows.person("bob")
    room = await ada.open_room(f"{name} {ada.user['username']}")
    assert (await bob.post(f"/api/rooms/{room}/join/")).status == 200
    return ada, bob, room


async def post(person: Person, room: str, content: str) -> int:
    """Say something from elsewhere; returns its id."""
    answer = await person.post(f"/api/rooms/{room}/messages/", {"content": content})
    assert answer.status == 201, answer.raw
    return int(answer.body["id"])


def unread(page: Page, room: str) -> Locator:
    return row(page, room).locator(".count")


def row(page: Page, room: str) -> Locator:
    """The room among the user's rooms: in the sidebar or, on a phone, on the page of all."""
    return page.locator(f'.room[data-id="{room}"] a:visible').first


async def test_a_room_that_is_renamed_has_its_new_name_in_every_window(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Before")
    inside, outside = await windows.open(f"/rooms/{room}/", bob), await windows.open("/rooms/", bob)
    found = await windows.open("/discover/?q=before", bob)
    hers = await windows.open(f"/rooms/{room}/", ada)
    name = unique("After")
    await hers.locator(".people summary").click()
    await hers.get_by_label("Name of the room").fill(name)
    await hers.get_by_role("button", name="Rename").click()
    for page in (inside, hers):
        await expect(page.locator("h1")).to_have_text(name)
        await expect(page).to_have_title(f"{name} · onrecord")
        await expect(row(page, room).locator(".name")).to_have_text(name)
    await expect(row(outside, room).locator(".name")).to_have_text(name)
    item = found.locator(f'.found li[data-id="{room}"]')
    await expect(item.locator(".name")).to_have_text(name)
    await expect(item.get_by_role("button", name=f"Leave {name}")).to_be_visible()
    await expect(unread(outside, room)).to_be_hidden()


async def test_two_people_in_two_windows_chat(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Talk")
    hers, his = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{room}/", bob)
    await say(hers, "Are you there?")
    await expect(said(his, "Are you there?")).to_have_count(1)
    await say(his, "I am.")
    await expect(said(hers, "I am.")).to_have_count(1)
    await expect(hers.locator(".messages .message")).to_have_count(2)
    await expect(hers.locator(".outgoing-message")).to_have_count(0)


async def test_rooms_move_up_and_count_what_is_unread_on_every_device(windows: Windows) -> None:
    ada, bob, first = await together(windows, "First")
    second = await ada.open_room(f"Second {ada.user['username']}")
    phone, desk = await windows.open("/rooms/", ada), await windows.open("/rooms/", ada)
    await expect(phone.locator(".room").first).to_have_attribute("data-id", second)
    await post(bob, first, "one")
    await post(bob, first, "two")
    for page in (phone, desk):
        await expect(page.locator(".room").first).to_have_attribute("data-id", first)
        await expect(unread(page, first)).to_have_text("2")
        await expect(row(page, first).locator(".last")).to_have_text(f"{bob.user['username']}: two")
    await row(phone, first).click()
    await expect(row(desk, first).locator(".unread")).to_be_hidden()
    await desk.reload()
    await expect(row(desk, first).locator(".unread")).to_be_hidden()


async def test_what_comes_into_a_room_in_sight_is_read_on_every_device(windows: Windows) -> None:
    ada, bob, room = await together(windows, "In sight")
    desk, phone = await windows.open(f"/rooms/{room}/", ada), await windows.open("/rooms/", ada)
    for number in range(5):
        await post(bob, room, f"number {number}")
        await expect(said(desk, f"number {number}")).to_have_count(1)
    await expect(row(phone, room).locator(".last")).to_have_text(f"{bob.user['username']}: number 4")
    await expect(row(phone, room).locator(".unread")).to_be_hidden()


async def test_joins_and_leaves_are_seen_by_others(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Come and go")
    eve = await windows.person("eve")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.locator(".people summary").click()
    await expect(page.locator(".members-list li > bdi")).to_have_count(2)
    await eve.post(f"/api/rooms/{room}/join/")
    await expect(page.locator(".members-list li > bdi")).to_have_text([p.user["username"] for p in (ada, bob, eve)])
    await expect(page.locator(".member-count")).to_have_text("3 members")
    await bob.post(f"/api/rooms/{room}/leave/")
    await expect(page.locator(".members-list li > bdi")).to_have_text([p.user["username"] for p in (ada, eve)])


async def test_leaving_in_another_window_closes_the_composer_and_joining_again_opens_it(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Back again")
    page = await windows.open(f"/rooms/{room}/", bob)
    await bob.post(f"/api/rooms/{room}/leave/")
    await expect(page.locator(".left-notice")).to_be_visible()
    await expect(page.locator("#content")).to_be_disabled()
    await post(ada, room, "said meanwhile")
    await bob.post(f"/api/rooms/{room}/join/")
    await expect(page.locator("#content")).to_be_enabled()
    await expect(said(page, "said meanwhile")).to_have_count(1)


async def test_a_window_that_was_offline_longer_than_the_history_catches_up_by_itself(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Tunnel")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.context.set_offline(True)
    await page.locator('.status[data-status="offline"]').wait_for()
    ids = await asyncio.gather(*(post(bob, room, f"number {number}") for number in range(MORE_THAN_THE_HISTORY)))
    await page.context.set_offline(False)
    await is_live(page)
    await expect(page.locator(f"#m{max(ids)}")).to_be_in_viewport()
    assert await met_on_the_way(page, "up") == sorted(ids)


async def test_a_server_that_is_killed_and_comes_back_is_caught_up_with(windows: Windows, service: Service) -> None:
    ada, bob, room = await together(windows, "Restart")
    page = await windows.open(f"/rooms/{room}/", ada)
    service.kill()
    await page.locator('.status[data-status="offline"]').wait_for()
    service.start()
    await post(bob, room, "we are back")
    await expect(said(page, "we are back")).to_have_count(1)
    await is_live(page)
    await say(page, "so we are")
    await expect(said(page, "so we are")).to_have_count(1)


async def test_tokens_that_run_out_are_renewed_without_a_word(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Renewal")
    context = await windows.device(ada)
    is_renewed = asyncio.Event()

    asked = 0

    async def first_one_for_a_moment(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            await route.continue_()
            is_renewed.set()
            return
        nearly_over = connection_token(TOKEN_SECRET, str(ada.user["id"]), now=time.time() - CONNECTION_TTL_S + 3)
        await route.fulfill(json={"token": nearly_over})

    await context.route("**/api/token/connection/", first_one_for_a_moment)
    page = await context.new_page()
    await page.goto(f"/rooms/{room}/")
    await is_live(page)
    await asyncio.wait_for(is_renewed.wait(), timeout=20)
    await post(bob, room, "still there?")
    await expect(said(page, "still there?")).to_have_count(1)
    assert await page.locator(".status").get_attribute("data-status") == "live"


async def test_logging_out_elsewhere_is_said_with_a_link_to_login_and_back(windows: Windows) -> None:
    ada, _, room = await together(windows, "Logout")
    page = await windows.open(f"/rooms/{room}/", ada)
    await expect(page.locator(".logged-out")).to_be_hidden()
    await page.locator("#content").fill("half a thought")
    assert (await ada.post("/api/logout/", {})).status == 200
    await page.get_by_role("link", name="Log in again").click()
    await page.get_by_label("Name").fill(ada.user["username"])
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"**/rooms/{room}/")
    await expect(page.locator("#content")).to_have_value("half a thought")


async def test_a_session_that_ended_unnoticed_is_said_when_something_is_sent(
    windows: Windows,
) -> None:
    ada, _, room = await together(windows, "Expired")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.context.clear_cookies(name="sessionid")
    await say(page, "into the void")
    await expect(page.locator(".logged-out")).to_be_visible()
    await expect(page.locator(".outgoing-message .text")).to_have_text("into the void")


async def test_a_new_version_under_an_open_page_is_offered_and_loads_with_the_draft(
    windows: Windows, service: Service
) -> None:
    ada, _, room = await together(windows, "Upgrade")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.locator("#content").fill("half a thought")
    await expect(page.locator(".new-version")).to_be_hidden()
    await page.evaluate("document.documentElement.dataset.build = 'an older one'")
    service.kill()
    await page.locator('.status[data-status="offline"]').wait_for()
    service.start()
    await page.get_by_role("link", name="Load it").click()
    await is_live(page)
    await expect(page.locator(".new-version")).to_be_hidden()
    await expect(page.locator("#content")).to_have_value("half a thought")


async def test_an_answer_that_is_lost_is_sent_again_and_said_once(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Lost answers")
    page, other = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{room}/", bob)

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    messages = f"**/api/rooms/{room}/messages/"
    await page.context.route(messages, lambda route: route.abort(), times=1)
    await say(page, "never arrived")
    await expect(said(other, "never arrived")).to_have_count(1)
    await expect(page.locator(".outgoing-message")).to_have_count(0)

    await page.context.route(messages, lose, times=1)
    await say(page, "arrived, but nobody said so")
    await expect(said(page, "arrived, but nobody said so")).to_have_count(1)
    await expect(said(other, "arrived, but nobody said so")).to_have_count(1)
    await expect(page.locator(".outgoing-message")).to_have_count(0)


async def test_older_messages_come_as_one_scrolls_up(windows: Windows) -> None:
    ada, _, room = await together(windows, "Long")
    for start in range(0, 180, 60):
        await asyncio.gather(*(post(ada, room, f"number {number}") for number in range(start, start + 60)))
    page = await windows.open(f"/rooms/{room}/", ada)
    await expect(page.locator(".messages .message")).to_have_count(50)
    for _ in range(2):
        await page.locator(".scroll").evaluate("element => element.scrollTo(0, 0)")
        await expect(page.locator(".older a")).not_to_be_in_viewport()
    await page.locator(".scroll").evaluate("element => element.scrollTo(0, 0)")
    await expect(page.locator(".messages .message")).to_have_count(180)
    await expect(page.locator(".older")).to_be_hidden()


async def test_text_is_text_whatever_it_says(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Text")
    page = await windows.open(f"/rooms/{room}/", ada, viewport={"width": 360, "height": 640})
    texts = [
        "<img src=x onerror=alert(1)><script>alert(2)</script>",
        "\u202eright to left\u202c and back, שלום עולם",
        "W" * 900,
        "👩‍👩‍👧‍👦🏳️‍🌈👍🏽",
        "two\nlines, https://example.org/?a=1&b=2.",
        "javascript:alert(1) data:text/html,<script>alert(2)</script>",
        "x " * 2000,
    ]
    for text in texts:
        await post(bob, room, text)
    await expect(page.locator(".messages .message")).to_have_count(len(texts))
    live = await page.locator(".messages .text").all_text_contents()
    await page.reload()
    assert await page.locator(".messages .text").all_text_contents() == live == texts
    assert await page.locator(".messages img, .messages script").count() == 0
    links = page.locator(".messages .text a")
    assert await links.evaluate_all("links => links.map((a) => [a.href, a.rel])") == [
        ["https://example.org/?a=1&b=2", "noopener noreferrer nofollow"]
    ]
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_enter_sends_shift_enter_breaks_the_line_and_escape_returns_to_the_newest(windows: Windows) -> None:
    ada, _, room = await together(windows, "Keys")
    page = await windows.open(f"/rooms/{room}/", ada)
    await expect(page.locator("#content")).to_be_focused()
    await page.keyboard.type("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    await expect(said(page, "one\ntwo")).to_have_count(1)
    await page.locator(".people summary").click()
    await page.keyboard.press("Escape")
    await expect(page.locator(".people")).not_to_have_attribute("open", "")
    await expect(page.locator("#content")).to_be_focused()


async def test_a_window_shows_a_part_of_many_messages_and_moves_over_all_of_them(windows: Windows) -> None:
    ada, _, room = await together(windows, "For long")
    page = await windows.open(f"/rooms/{room}/", ada)
    many = 700
    ids = []
    for _ in range(0, many, 100):
        ids += await asyncio.gather(*(post(ada, room, "words") for _ in range(100)))
    ids.sort()
    await expect(page.locator(f"#m{ids[-1]}")).to_be_in_viewport()
    assert await page.locator(".messages .message").count() <= MOST
    assert await met_on_the_way(page, "up") == ids
    assert await page.locator(".messages .message").count() <= MOST
    await expect(page.locator(f"#m{ids[0]}")).to_be_in_viewport()
    assert await met_on_the_way(page, "down") == ids
    await expect(page.locator(f"#m{ids[-1]}")).to_be_in_viewport()
    await expect(page.locator(".jump button")).to_be_hidden()


async def met_on_the_way(page: Page, direction: Literal["up", "down"]) -> list[int]:
    """Scroll to the beginning or to the end; returns the ids of all messages that were on the page on the way."""
    ids: list[int] = await page.evaluate(WALK, direction)
    return ids


async def test_what_is_being_read_stays_in_place_whatever_comes_in_above_and_below(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Reading")
    await asyncio.gather(*(post(bob, room, f"number {number}") for number in range(120)))
    page = await windows.open(f"/rooms/{room}/", ada)
    reading = page.locator(".messages .message").first
    item = await reading.get_attribute("id")
    await page.locator(".scroll").evaluate("element => element.scrollTo(0, 60)")
    await expect(page.locator(".messages .message")).to_have_count(120)  # older ones came in above
    top = await page.locator(f"#{item}").evaluate("item => item.getBoundingClientRect().top")
    await expect(page.get_by_role("button", name="Newest messages")).to_be_visible()
    await post(bob, room, "something new")
    await page.get_by_role("button", name="New messages below").wait_for()
    assert await page.locator(f"#{item}").evaluate("item => item.getBoundingClientRect().top") == pytest.approx(top)
    await expect(page.locator(f"#{item}")).to_be_in_viewport()
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "off")
    await page.get_by_role("button", name="New messages below").click()
    await expect(said(page, "something new")).to_be_in_viewport()
    await expect(page.locator(".jump button")).to_be_hidden()
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")


async def test_a_reader_who_scrolled_up_is_not_pulled_back_and_returns_by_posting(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Turning away")
    await asyncio.gather(*(post(bob, room, f"number {number}") for number in range(40)))
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.locator(".scroll").evaluate("element => element.scrollBy(0, -20)")
    await page.get_by_role("button", name="Newest messages").wait_for()
    await post(bob, room, "over there")
    await page.get_by_role("button", name="New messages below").wait_for()
    await expect(said(page, "over there")).not_to_be_in_viewport()
    await say(page, "here I am")
    await expect(said(page, "here I am")).to_be_in_viewport()
    await expect(page.locator(".messages .text").last).to_have_text("here I am")


async def test_the_newest_stays_in_sight_when_the_window_becomes_smaller(windows: Windows) -> None:
    ada, _, room = await together(windows, "Keyboard of a phone")
    await asyncio.gather(*(post(ada, room, f"number {number}") for number in range(40)))
    page = await windows.open(f"/rooms/{room}/", ada, viewport={"width": 390, "height": 800})
    newest = page.locator(".messages .message").last
    await expect(newest).to_be_in_viewport()
    await page.set_viewport_size({"width": 390, "height": 400})
    await expect(newest).to_be_in_viewport(ratio=1)
    await page.locator("#content").fill("line\n" * 6)
    await expect(newest).to_be_in_viewport(ratio=1)
