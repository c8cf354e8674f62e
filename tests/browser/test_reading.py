"""What counts as read: only messages that were in sight, in a window that has the focus."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.browser.windows import Windows, is_live, said, say
from tests.support.conditions import eventually
from tests.support.people import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNFOCUSED = "document.hasFocus = () => window.isLookedAt === true"
LOOK = "window.isLookedAt = true; window.dispatchEvent(new Event('focus'))"


async def with_unread(windows: Windows, name: str, count: int) -> tuple[Person, Person, str]:
    """Two people and a room, in which the first has not read `count` messages of the second, the last ones."""
    ada, bob = await windows.person("ada"), await windows.person("bob")
    room = await bob.open_room(f"{name} {bob.user['username']}")
    for number in range(60):
        await post(bob, room, f"before {number}")
    await ada.post(f"/api/rooms/{room}/join/")
    for number in range(count):
        await post(bob, room, f"new {number}")
    return ada, bob, room


async def post(person: Person, room: str, content: str) -> None:
    assert (await person.post(f"/api/rooms/{room}/messages/", {"content": content})).status == 201


async def reading(person: Person, room: str) -> dict[str, Any]:
    answer = await person.get("/api/readings/")
    return next(found for found in answer.body["readings"] if found["room_id"] == room)


async def is_read(person: Person, room: str) -> None:
    async def nothing_is_unread() -> bool:
        unread: int = (await reading(person, room))["unread"]
        return unread == 0

    await eventually(nothing_is_unread)


async def first_unread_is_in_sight(page: Page) -> None:
    await expect(page.locator(".unread-line")).to_be_in_viewport()
    await expect(said(page, "new 0")).to_be_in_viewport()
    following = page.locator(".unread-line + .message .text")
    await expect(following).to_have_text("new 0")


async def test_a_room_opens_at_the_first_unread_message_and_reads_as_far_as_one_sees(windows: Windows) -> None:
    ada, _, room = await with_unread(windows, "Much to read", 70)
    page = await windows.open(f"/rooms/{room}/", ada)
    await first_unread_is_in_sight(page)
    await expect(said(page, "before 59")).to_be_in_viewport()

    async def some_are_read() -> bool:
        return (await reading(ada, room))["unread"] in range(1, 70)

    await eventually(some_are_read)
    in_sight = await page.locator(".messages .message").evaluate_all(
        "items => Math.max(...items.filter(i => i.getBoundingClientRect().top < innerHeight).map(i => i.dataset.id))"
    )
    assert (await reading(ada, room))["version"] <= in_sight
    await page.get_by_role("button", name="Newest messages").click()
    await is_read(ada, room)
    await expect(page.locator(".unread-line")).to_have_count(1)
    await page.reload()
    await expect(page.locator(".unread-line")).to_have_count(0)
    await expect(said(page, "new 69")).to_be_in_viewport()


async def test_messages_that_fit_are_read_at_once_with_the_line_above_them(windows: Windows) -> None:
    ada, _, room = await with_unread(windows, "Little to read", 2)
    page = await windows.open(f"/rooms/{room}/", ada)
    await first_unread_is_in_sight(page)
    await expect(said(page, "new 1")).to_be_in_viewport()
    await is_read(ada, room)


async def test_a_hidden_window_marks_nothing_as_read(windows: Windows) -> None:
    ada, bob, room = await with_unread(windows, "In the background", 2)
    device = await windows.device(ada)
    await device.add_init_script(UNFOCUSED)
    page = await device.new_page()
    await page.goto(f"/rooms/{room}/")
    await is_live(page)
    await post(bob, room, "and another")
    await expect(said(page, "and another")).to_be_in_viewport()
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    assert (await reading(ada, room))["unread"] == 3
    await page.evaluate(LOOK)
    await is_read(ada, room)


async def test_what_came_before_the_page_is_loaded_as_far_as_it_is_unread(windows: Windows) -> None:
    ada, bob, room = await with_unread(windows, "Away for long", 0)
    await asyncio.gather(*(post(bob, room, f"day {number}") for number in range(350)))
    page = await windows.open(f"/rooms/{room}/", ada)
    await expect(page.locator(".unread-line")).to_be_in_viewport()
    await expect(page.locator(".unread-line + .message")).to_be_in_viewport()
    first = page.locator(".messages .text", has_text="before 59")
    while await first.count() == 0:
        await page.locator(".older a").dispatch_event("click")  # scrolling may have loaded all in between
        await expect(page.locator(".older a")).to_have_text("Older messages")
        await page.evaluate("new Promise(requestAnimationFrame)")
    line = page.locator(".unread-line")
    await expect(line).to_have_count(1)
    above = await line.evaluate("line => line.previousElementSibling.querySelector('.text')?.textContent")
    assert above == "before 59"


async def test_links_and_prefetches_read_nothing(windows: Windows) -> None:
    ada, _, room = await with_unread(windows, "Prefetched", 3)
    page = await windows.open("/rooms/", ada)
    for method in ("GET", "HEAD"):
        await page.request.fetch(f"/rooms/{room}/", method=method)
    assert (await reading(ada, room))["unread"] == 3


@pytest.mark.parametrize("answer", [None, "I have read it."])
async def test_without_scripts_a_button_or_an_answer_marks_as_read(windows: Windows, answer: str | None) -> None:
    ada, _, room = await with_unread(windows, "By hand", 30)
    page = await windows.open("/rooms/", ada, live=False, java_script_enabled=False)
    await page.locator(f'main .room[data-id="{room}"] a').click()
    await first_unread_is_in_sight(page)
    assert (await reading(ada, room))["unread"] == 30
    if answer is None:
        await page.get_by_role("button", name="Mark as read").click()
    else:
        await page.get_by_label("Message", exact=True).fill(answer)
        await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".unread-line")).to_have_count(0)
    await expect(page.locator(".messages .message").last).to_be_in_viewport()
    assert (await reading(ada, room))["unread"] == 0


async def test_speaking_in_a_room_does_not_move_the_line(windows: Windows) -> None:
    ada, _, room = await with_unread(windows, "Answered", 2)
    page = await windows.open(f"/rooms/{room}/", ada)
    await say(page, "mine")
    await expect(said(page, "mine")).to_be_in_viewport()
    await expect(page.locator(".unread-line + .message .text")).to_have_text("new 0")


async def test_what_was_read_is_told_ever_more_rarely_while_nothing_answers(windows: Windows) -> None:
    ada, _, room = await with_unread(windows, "No answer", 1)
    device = await windows.device(ada)
    asked: list[str] = []

    async def refuse(route: Route) -> None:
        asked.append(route.request.url)
        await route.abort()

    await device.route("**/read/", refuse)
    await device.route_web_socket("**/connection/websocket", lambda _: None)  # its pings keep to another clock
    page = await device.new_page()
    await page.clock.install()
    await page.goto(f"/rooms/{room}/")
    await first_unread_is_in_sight(page)
    for _ in range(60):
        await page.clock.run_for(1000)
    assert 2 < len(asked) < 10
    await device.unroute("**/read/")
    await page.clock.run_for(40_000)
    await is_read(ada, room)


async def test_nothing_is_told_after_the_session_has_ended(windows: Windows) -> None:
    ada, _, room = await with_unread(windows, "Ended", 1)
    device = await windows.device(ada)
    asked: list[str] = []
    device.on("request", lambda request: asked.append(request.url) if request.url.endswith("/read/") else None)
    page = await device.new_page()
    await page.clock.install()
    await page.add_init_script(UNFOCUSED)
    await page.goto(f"/rooms/{room}/")
    await first_unread_is_in_sight(page)
    await ada.post("/api/logout/", {})
    await expect(page.locator(".logged-out")).to_be_visible()
    await page.evaluate(LOOK)
    for _ in range(60):
        await page.clock.run_for(1000)
    assert len(asked) == 1


async def test_a_page_has_the_first_forty_rooms_and_the_others_when_it_is_scrolled_to_them(windows: Windows) -> None:
    ada = await windows.person("ada")
    rooms = [await ada.open_room(f"Many {number} {ada.user['username']}") for number in range(45)]
    page = await windows.open("/discover/", ada, viewport={"width": 1280, "height": 600})
    listed = page.locator(".sidebar .room")
    await expect(listed).to_have_count(40)
    await listed.last.scroll_into_view_if_needed()
    await expect(listed).to_have_count(45)
    await expect(page.locator(".other-rooms")).to_be_hidden()
    assert set(await listed.evaluate_all("items => items.map(({ dataset }) => dataset.id)")) == set(rooms)
