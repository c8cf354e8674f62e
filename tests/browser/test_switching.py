"""Rooms are switched within the page: one request, the same connection, and nothing typed or published is lost."""

import asyncio

import pytest
from playwright.async_api import Page, Request, Response, Route, WebSocket, expect
from yarl import URL

from tests.browser.test_live import met_on_the_way, post, together, unread
from tests.browser.test_pages import PHONE, is_accessible
from tests.browser.test_reading import is_read
from tests.support.browser.service import on_both_servers
from tests.support.browser.windows import Windows, is_live, said, say, take_over
from tests.support.people import Person

pytestmark = [pytest.mark.asyncio(loop_scope="session"), on_both_servers]

FRAMES = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


async def two_rooms(windows: Windows, name: str) -> tuple[Person, Person, str, str]:
    """Two people who are in two rooms together."""
    ada, bob, first = await together(windows, f"{name} one")
    second = await ada.open_room(f"{name} two {ada.user['username']}")
    assert (await bob.post(f"/api/rooms/{second}/join/")).status == 200
    return ada, bob, first, second


class Traffic:
    """What a page asks for from now on: requests as `GET /path/`, documents that are loaded, and connections.

    Chromium looks at the icon for each address, and takes it from its cache.
    """

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.loads = 0
        self.sockets = 0
        page.on("request", self._requested)
        page.on("websocket", self._connected)

    def _requested(self, request: Request) -> None:
        path = URL(request.url).path
        if not path.startswith("/static/icon."):
            self.requests.append(f"{request.method} {path}")
        self.loads += request.is_navigation_request()

    def _connected(self, _: WebSocket) -> None:
        self.sockets += 1


async def switch(page: Page, room: str) -> None:
    """Go to a room by its link in the sidebar."""
    await page.locator(f'.sidebar .room[data-id="{room}"] a').click()
    await shows(page, room)


async def shows(page: Page, room: str) -> None:
    await expect(page.locator(".conversation")).to_have_attribute("data-room", room)
    assert URL(page.url).path == f"/rooms/{room}/"


async def texts(page: Page) -> list[str]:
    return await page.locator(".messages .text").all_text_contents()


async def is_as_a_fresh_page(page: Page, windows: Windows, person: Person) -> None:
    """The law of a live page, with the rooms and their unread counts beside the open one."""
    fresh = await windows.open(URL(page.url).path, person)
    looks = """() => ({
        title: document.title,
        messages: [...document.querySelectorAll(".messages .message")].map((item) => item.id + item.innerText),
        members: [...document.querySelectorAll(".members-list li")].map((item) => item.textContent),
        rooms: [...document.querySelectorAll(".sidebar .room a")].map((link) => [
            link.pathname, link.innerText, link.ariaCurrent, link.querySelector(".unread").hidden,
        ]),
    })"""
    assert await page.evaluate(looks) == await fresh.evaluate(looks)


async def test_switching_asks_for_the_page_and_for_nothing_else(windows: Windows) -> None:
    ada, _, first, second = await two_rooms(windows, "Requests")
    page = await windows.open(f"/rooms/{first}/", ada)
    traffic = Traffic(page)
    await switch(page, second)
    await page.go_back()
    await shows(page, first)
    await page.go_forward()
    await shows(page, second)
    await page.evaluate(FRAMES)
    assert traffic.requests == [f"GET /rooms/{room}/" for room in (second, first, second)]
    assert (traffic.loads, traffic.sockets) == (0, 0)
    assert await page.locator(".status").get_attribute("data-status") == "live"


async def test_the_room_that_is_switched_to_is_marked_as_read(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "Marks")
    page = await windows.open(f"/rooms/{first}/", ada)
    for number in range(2):
        await post(bob, second, f"new {number}")
    await expect(unread(page, second)).to_have_text("2")
    traffic = Traffic(page)
    await switch(page, second)
    await expect(page.locator(".unread-line + .message .text")).to_have_text("new 0")
    await expect(page.locator(".unread-line")).to_be_in_viewport()
    await is_read(ada, second)
    await expect(unread(page, second)).to_be_hidden()
    assert traffic.requests == [f"GET /rooms/{second}/", "GET /api/csrf/", f"POST /api/rooms/{second}/read/"]
    await switch(page, first)
    await switch(page, second)
    await expect(page.locator(".unread-line")).to_have_count(0)


async def test_a_switch_changes_all_that_says_where_one_is(windows: Windows) -> None:
    ada, _, first, second = await two_rooms(windows, "Signs")
    names = {room: f"Signs {word} {ada.user['username']}" for room, word in ((first, "one"), (second, "two"))}
    page = await windows.open(f"/rooms/{first}/", ada)
    for go, room in ((switch(page, second), second), (page.go_back(), first), (page.go_forward(), second)):
        await go
        await shows(page, room)
        await expect(page).to_have_title(f"{names[room]} · onrecord")
        await expect(page.locator("h1")).to_have_text(names[room])
        await expect(page.locator(".announcer")).to_have_text(names[room])
        await expect(page.locator(".sidebar [aria-current] .name")).to_have_text(names[room])
        await expect(page.locator("#content")).to_be_focused()


async def test_drafts_stay_with_their_rooms(windows: Windows) -> None:
    ada, _, first, second = await two_rooms(windows, "Drafts")
    page = await windows.open(f"/rooms/{first}/", ada)
    await page.locator("#content").fill("for the first")
    await switch(page, second)
    await expect(page.locator("#content")).to_have_value("")
    await page.locator("#content").fill("for the second")
    await page.go_back()
    await shows(page, first)
    await expect(page.locator("#content")).to_have_value("for the first")
    await switch(page, second)
    await expect(page.locator("#content")).to_have_value("for the second")
    await page.keyboard.press("Enter")
    await expect(said(page, "for the second")).to_have_count(1)
    assert (await ada.get(f"/api/rooms/{first}/messages/")).body["count"] == 0


async def test_both_rooms_are_live_right_after_a_switch(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "Both")
    page = await windows.open(f"/rooms/{first}/", ada)
    await switch(page, second)
    await post(bob, second, "here")
    await expect(said(page, "here")).to_have_count(1)
    await post(bob, first, "there")
    await expect(unread(page, first)).to_have_text("1")
    await expect(said(page, "there")).to_have_count(0)
    await say(page, "and mine")
    await expect(said(page, "and mine")).to_have_count(1)
    await switch(page, first)
    await expect(said(page, "there")).to_have_count(1)
    await is_as_a_fresh_page(page, windows, ada)


async def test_what_is_published_while_the_page_is_under_way_is_on_it(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "Under way")
    page = await windows.open(f"/rooms/{first}/", ada)
    last = page.locator(f'.sidebar .room[data-id="{second}"] .last')

    async def come_late(route: Route) -> None:
        await post(bob, second, "before the page is made")
        answer = await route.fetch()
        await post(bob, second, "after it")
        await expect(last).to_have_text(f"{bob.user['username']}: after it")  # it was published
        await route.fulfill(response=answer)

    await page.route(f"**/rooms/{second}/", come_late)
    traffic = Traffic(page)
    await switch(page, second)
    await expect(page.locator(".messages .text")).to_have_text(["before the page is made", "after it"])
    await is_read(ada, second)
    assert not any("/events/" in request or "/feed/" in request for request in traffic.requests)
    await is_as_a_fresh_page(page, windows, ada)


async def test_the_last_of_several_switches_is_the_one_that_counts(windows: Windows) -> None:
    ada, _, first, second = await two_rooms(windows, "Several")
    third = await ada.open_room(f"Several three {ada.user['username']}")
    page = await windows.open(f"/rooms/{first}/", ada)
    asked, shown = asyncio.Event(), asyncio.Event()

    async def come_last(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await shown.wait()
        await route.fulfill(response=answer)

    await page.route(f"**/rooms/{second}/", come_last)
    await page.locator(f'.sidebar .room[data-id="{second}"] a').click()
    await asked.wait()
    await switch(page, third)
    shown.set()
    await page.evaluate(FRAMES)
    await shows(page, third)
    await page.go_back()
    await shows(page, first)


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, PHONE], ids=["desktop", "phone"])
async def test_switching_while_messages_pour_in_loses_and_doubles_none(
    windows: Windows, viewport: dict[str, int]
) -> None:
    ada, bob, first, second = await two_rooms(windows, f"Pouring {viewport['width']}")
    page = await windows.open(f"/rooms/{first}/", ada, viewport=viewport)
    traffic = Traffic(page)

    async def pour(room: str) -> list[int]:
        return [await post(bob, room, f"number {number}") for number in range(60)]

    async def go(room: str) -> None:
        if viewport is PHONE:
            await page.get_by_role("link", name="Back to my rooms").click()
        link = page.locator(f'.room[data-id="{room}"] a:visible').first
        await link.evaluate("link => link.click()")  # a pointer would miss: the list moves with each message
        await shows(page, room)

    pouring = asyncio.gather(pour(first), pour(second))
    switches = 0
    while not pouring.done() or switches < 6:
        await go(second)
        await go(first)
        switches += 2
    for room, ids in zip((second, first), reversed(await pouring), strict=True):
        await go(room)
        await page.keyboard.press("Escape")
        await expect(page.locator(f"#m{ids[-1]}")).to_be_in_viewport()
        assert await met_on_the_way(page, "up") == ids
    assert (traffic.loads, traffic.sockets) == (0, 0)


async def test_a_view_that_was_left_does_nothing_more(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "Left behind")
    page = await windows.open(f"/rooms/{first}/", ada)
    for room in (second, first) * 3:
        await switch(page, room)
    await say(page, "once")
    await expect(said(page, "once")).to_have_count(1)
    assert (await ada.get(f"/api/rooms/{first}/messages/")).body["count"] == 1
    assert (await ada.get(f"/api/rooms/{second}/messages/")).body["count"] == 0
    await page.get_by_role("link", name="Discover").click()
    await expect(page).to_have_title("Discover rooms · onrecord")
    await post(bob, first, "unseen")
    await expect(unread(page, first)).to_have_text("1")
    await page.keyboard.press("Escape")
    await page.evaluate(FRAMES)
    await expect(page).to_have_title("Discover rooms · onrecord")


async def test_all_pages_of_a_user_are_switched_between_and_live(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "All pages")
    await post(bob, first, "in the past")
    page = await windows.open(f"/rooms/{first}/", ada)
    traffic = Traffic(page)
    await page.get_by_role("link", name="History").click()
    await expect(page.locator("#moment")).to_be_visible()
    await page.get_by_role("link", name="Earlier").click()
    await page.wait_for_url(f"**/rooms/{first}/history/?at=3")
    await page.get_by_role("link", name="My rooms").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("My rooms")
    await expect(page.locator("nav [aria-current]")).to_have_text("My rooms")
    await post(bob, second, "news")
    await expect(page.locator(f'main .room[data-id="{second}"] .count')).to_have_text("1")
    await page.get_by_role("link", name="Discover").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Discover")
    await expect(page.locator(".sidebar .count").first).to_have_text("1")
    await page.get_by_role("link", name=ada.user["username"], exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("My account")
    for _ in range(3):
        await page.go_back()
    await page.wait_for_url(f"**/rooms/{first}/history/?at=3")
    await expect(page.locator("#moment")).to_have_attribute("data-version", "3")
    await page.get_by_role("link", name="Back to the room").click()
    await shows(page, first)
    await post(bob, first, "in the present")
    await expect(said(page, "in the present")).to_have_count(1)
    assert (traffic.loads, traffic.sockets) == (0, 0)


async def test_a_page_that_was_switched_to_is_accessible(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "By ear")
    await post(bob, second, "see https://example.org")
    page = await windows.open(f"/rooms/{first}/", ada, bypass_csp=True)
    await switch(page, second)
    await is_accessible(page)
    await page.get_by_role("link", name="Discover").click()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await is_accessible(page)


async def test_other_answers_are_shown_as_without_scripts(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "Other answers")
    page = await windows.open(f"/rooms/{first}/", ada)
    traffic = Traffic(page)
    await page.evaluate("document.documentElement.dataset.build = 'an older one'")
    await switch(page, second)
    await expect(page.locator("html")).not_to_have_attribute("data-build", "an older one")
    assert traffic.loads == 1
    await is_live(page)

    closed = await bob.open_room(f"Other answers of {bob.user['username']}")
    await page.get_by_role("link", name="Discover").click()
    await page.get_by_role("searchbox", name="Room name").fill(bob.user["username"])
    await page.get_by_role("button", name="Search").click()
    await is_live(page)
    await page.locator(f'.found a[href="/rooms/{closed}/"]').click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are not in this room")
    await page.go_back()
    await is_live(page)
    await switch(page, second)

    await page.locator("#content").fill("half a thought")
    await page.context.clear_cookies(name="sessionid")
    await page.locator(f'.sidebar .room[data-id="{first}"] a').click()
    await page.wait_for_url("**/login/?next=**")


async def test_a_page_of_another_user_is_never_put_into_this_one(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "Other user")
    page = await windows.open(f"/rooms/{first}/", ada)
    await take_over(page.context, bob, windows.url)
    answers: list[int] = []

    def answered(response: Response) -> None:
        if URL(response.url).path == f"/rooms/{second}/":
            answers.append(response.status)

    page.on("response", answered)
    await page.locator(f'.sidebar .room[data-id="{second}"] a').click()
    await expect(page.get_by_role("link", name=bob.user["username"], exact=True)).to_be_visible()
    assert answers == [409, 200]


async def test_without_an_answer_the_page_stays_and_says_so(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "No answer")
    page = await windows.open(f"/rooms/{first}/", ada)
    await page.locator("#content").fill("half a thought")
    await page.route(f"**/rooms/{second}/", lambda route: route.abort())
    await page.locator(f'.sidebar .room[data-id="{second}"] a').click()
    await expect(page.locator(".not-answered")).to_be_visible()
    await shows(page, first)
    await expect(page.locator("#content")).to_have_value("half a thought")
    await post(bob, first, "still live")
    await expect(said(page, "still live")).to_have_count(1)
    await page.unroute(f"**/rooms/{second}/")
    await page.get_by_role("link", name="Try again").click()
    await shows(page, second)
    await expect(page.locator(".not-answered")).to_be_hidden()


async def test_going_back_offline_arrives_when_the_network_returns(windows: Windows) -> None:
    ada, _, first, second = await two_rooms(windows, "Back offline")
    page = await windows.open(f"/rooms/{first}/", ada)
    await switch(page, second)
    await page.context.set_offline(True)
    await page.locator('.status[data-status="offline"]').wait_for()
    await page.evaluate("history.back()")
    await expect(page.locator(".not-answered")).to_be_visible()
    await expect(page.locator(".conversation")).to_have_attribute("data-room", second)
    await page.context.set_offline(False)
    await shows(page, first)
    await expect(page.locator(".not-answered")).to_be_hidden()


async def test_other_clicks_are_the_browsers_own(windows: Windows) -> None:
    ada, _, first, second = await two_rooms(windows, "Other clicks")
    page = await windows.open(f"/rooms/{first}/", ada)
    link = page.locator(f'.sidebar .room[data-id="{second}"] a')
    async with page.context.expect_page() as opened:
        await link.click(modifiers=["ControlOrMeta"])
    await shows(page, first)
    await (await opened.value).close()
    async with page.context.expect_page() as opened:
        await link.click(button="middle")
    await shows(page, first)
    await shows(await opened.value, second)
