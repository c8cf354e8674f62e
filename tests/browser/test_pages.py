"""Pages as anybody meets them: without scripts, on a phone, by keyboard, by ear."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.support.browser.windows import Windows, is_live, said, say, unique
from tests.support.people import PASSWORD, Person
from tests.support.realtime.server import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 360, "height": 640}


async def talk(person: Person, room: str, *texts: str) -> None:
    for text in texts:
        assert (await person.post(f"/api/rooms/{room}/messages/", {"content": text})).status == 201


async def test_everything_works_without_scripts(windows: Windows) -> None:
    page = await (await windows.device(java_script_enabled=False)).new_page()
    name = unique("grace")

    await page.goto("/discover/?q=nothing")
    await page.wait_for_url("**/login/**")
    await page.get_by_role("link", name="Sign up").click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill("short")
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.locator("#password-problem")).to_contain_text("at least 10 characters")
    await expect(page.get_by_label("Name")).to_have_value(name)
    await expect(page.get_by_label("Password")).to_be_focused()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign up").click()
    await page.wait_for_url(lambda url: url.endswith("/discover/?q=nothing"))

    await page.get_by_label("Name", exact=True).fill(" ")
    await page.get_by_role("button", name="Open").click()
    await expect(page.locator("#name-problem")).to_have_text("This field may not be blank.")
    await page.get_by_label("Name", exact=True).fill(f"Room of {name}")
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Room of {name}")

    await page.get_by_label("Message", exact=True).fill("  ")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#content-problem")).to_have_text("This field may not be blank.")
    await page.get_by_label("Message", exact=True).fill("one\ntwo")
    await page.get_by_role("button", name="Send").click()
    await expect(said(page, "one\ntwo")).to_have_count(1)

    await page.goto(f"/discover/?q=Room of {name}")
    await page.get_by_role("button", name="Leave").click()
    await page.wait_for_url("**/rooms/")
    await expect(page.get_by_text("You are not in any rooms yet.")).to_be_visible()
    await page.goto(f"/discover/?q=Room of {name}")
    await page.get_by_role("button", name="Join").click()
    await expect(said(page, "one\ntwo")).to_have_count(1)
    await page.get_by_role("link", name="History").click()
    await page.get_by_role("link", name="Earlier").click()
    await expect(page.locator(".chosen-event")).to_contain_text(f"{name} left")
    await page.get_by_role("slider").fill("3")
    await page.get_by_role("button", name="Go").click()
    await expect(page.locator("#moment .message .text")).to_have_text("one\ntwo")

    await page.get_by_role("link", name=name, exact=True).click()
    await page.get_by_role("button", name="Log out", exact=True).click()
    await page.wait_for_url("**/login/")
    await page.get_by_role("button", name="ada").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("My rooms")


async def test_older_messages_are_paged_through_without_scripts(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(f"Pages of {ada.user['username']}")
    await talk(ada, room, *(f"number {number}" for number in range(60)))
    page = await windows.open(f"/rooms/{room}/", ada, live=False, java_script_enabled=False)
    await expect(page.locator(".message")).to_have_count(50)
    await page.get_by_role("link", name="Older messages").click()
    await expect(page.locator(".message .text").first).to_have_text("number 0")
    await page.get_by_role("link", name="Newest messages").click()
    await expect(said(page, "number 59")).to_have_count(1)


async def test_the_slider_shows_the_room_as_it_was_and_its_address_can_be_shared(windows: Windows) -> None:
    ada, bob = await windows.person("ada"), await windows.person("bob")
    names = [person.user["username"] for person in (ada, bob)]
    room = await ada.open_room(f"History of {names[0]}")  # versions 1 and 2
    await talk(ada, room, "to myself")
    await bob.post(f"/api/rooms/{room}/join/")
    await talk(bob, room, "to both")
    await bob.post(f"/api/rooms/{room}/leave/")

    page = await windows.open(f"/rooms/{room}/history/", ada)
    await expect(page.locator(".stream .event")).to_have_count(6)
    await page.get_by_role("slider").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.locator("#then-heading")).to_have_text("Who could see message 5 when it was sent")
    await expect(page.locator(".members-list.chips li > bdi")).to_have_text(names)
    await page.wait_for_url("**/history/?at=5")
    await page.get_by_role("slider").fill("3")
    await expect(page.locator(".members-list.chips li > bdi")).to_have_text(names[:1])
    await expect(page.locator("#moment .message .text")).to_have_text(["to myself"])
    await expect(page.locator("#moment .message time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d UTC$"))

    await talk(ada, room, "meanwhile")
    await expect(page.get_by_role("slider")).to_have_attribute("max", "7")
    await page.wait_for_url("**/history/?at=3")
    shared = await windows.open(page.url, ada)
    await expect(shared.locator("#moment .message .text")).to_have_text(["to myself"])
    later = page.get_by_role("link", name="Later")
    await later.focus()
    for version in (4, 5):
        await page.keyboard.press("Enter")
        await expect(page.locator("#moment")).to_have_attribute("data-version", str(version))
        await expect(later).to_be_focused()


async def test_a_phone_shows_one_thing_at_a_time_and_scrolls_one_way(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(f"{'W' * 60} of {ada.user['username']}")
    await talk(ada, room, "W" * 300, *(f"number {number}" for number in range(30)))
    page = await windows.open("/rooms/", ada, viewport=PHONE, has_touch=True, is_mobile=True)
    for path in ("/rooms/", "/discover/", "/account/", f"/rooms/{room}/history/", f"/rooms/{room}/"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    await expect(page.locator(".sidebar")).to_be_hidden()
    await expect(page.get_by_label("Message", exact=True)).to_be_in_viewport()
    await expect(said(page, "number 29")).to_be_in_viewport()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_a_room_with_something_unsent_suits_everybody(windows: Windows, color_scheme: Any) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(f"Access of {ada.user['username']}")
    await talk(ada, room, "see https://example.org", f"> *a* `b`\n\n1. c\n\n```py\n{'d' * 300}\n```", "\u202ee")
    page = await windows.open(f"/rooms/{room}/", ada, color_scheme=color_scheme, bypass_csp=True)
    await page.locator(".people summary").click()
    await page.context.route("**/messages/", lambda route: route.abort())
    await page.locator("#content").fill("not sent")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await is_accessible(page)
    await expect(page.locator("main button:not(.plain):visible")).to_have_text(["Send"])  # the one primary action


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}])
async def test_a_short_conversation_stands_above_the_composer(windows: Windows, viewport: Any) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(f"Short of {ada.user['username']}")
    await talk(ada, room, "hello")
    for scripted in (True, False):
        page = await windows.open(
            f"/rooms/{room}/", ada, live=scripted, java_script_enabled=scripted, viewport=viewport
        )
        below = await page.locator(".scroll").evaluate(
            "scroll => scroll.getBoundingClientRect().bottom"
            " - scroll.querySelector('.message').getBoundingClientRect().bottom"
        )
        assert below < 60


async def is_accessible(page: Page) -> None:
    """axe-core finds nothing, contrast included."""
    await page.add_script_tag(path=AXE)
    found = await page.evaluate("axe.run().then((result) => result.violations)")
    problems = [f"{rule['id']}: {node['html']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]
    assert problems == [], page.url


async def test_every_page_is_left_and_entered_by_keyboard(windows: Windows) -> None:
    ada = await windows.person("ada")
    page = await windows.open("/rooms/", ada)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Find one, or open your own.")).to_be_focused()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


async def test_a_user_logs_in_by_keyboard_alone_and_gets_to_the_page_they_wanted(windows: Windows) -> None:
    ada = await windows.person("ada")
    page = await windows.open("/discover/?q=nothing", live=False)
    await expect(page.locator("#username")).to_be_focused()
    await page.keyboard.type(ada.user["username"])
    await page.keyboard.press("Tab")
    await page.keyboard.type("a mistake")
    await page.keyboard.press("Enter")
    await expect(page.locator("#password-problem")).to_be_visible()
    await expect(page.locator("#password")).to_be_focused()  # a browser puts the focus there when it has drawn the page
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda url: url.endswith("/discover/?q=nothing"))
    await is_live(page)


async def test_a_room_that_is_open_anywhere_follows_discoveries_in_other_windows(windows: Windows) -> None:
    ada, bob = await windows.person("ada"), await windows.person("bob")
    room = await ada.open_room(f"Discovered by {bob.user['username']}")
    page = await windows.open(f"/discover/?q={bob.user['username']}", bob)
    await expect(page.get_by_role("button", name="Join")).to_be_visible()
    await bob.post(f"/api/rooms/{room}/join/")
    await expect(page.get_by_role("button", name="Leave")).to_be_visible()
    await bob.post(f"/api/rooms/{room}/leave/")
    await expect(page.get_by_role("button", name="Join")).to_be_visible()


MOVES = """
    Object.defineProperty(Notification, "permission", { get: () => "default" });  // headless ones deny it at once
    window.moves = [];
    new PerformanceObserver((list) => window.moves.push(...list.getEntries()))
        .observe({ type: "layout-shift", buffered: true });
"""
MOVED = """() => window.moves.filter(({ value }) => value > 0.005).flatMap(({ sources }) =>
    sources.map(({ node }) => (node instanceof Element ? node : node?.parentElement)?.outerHTML.slice(0, 60)))"""


async def test_nothing_moves_when_the_scripts_of_a_page_start(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(f"Still {ada.user['username']}")
    await talk(ada, room, "one", "two", "three")
    for options in ({}, {"viewport": PHONE, "has_touch": True, "is_mobile": True}):
        device = await windows.device(ada, **options)
        await device.add_init_script(MOVES)
        page = await device.new_page()
        for path in ("/account/", "/discover/", f"/rooms/{room}/", f"/rooms/{room}/messages/3/", "/rooms/?page=1"):
            await page.goto(path)
            await is_live(page)
            assert await page.evaluate(MOVED) == [], path


async def test_what_a_script_cannot_do_without_is_not_shown_without_scripts(windows: Windows) -> None:
    ada = await windows.person("ada")
    for scripted in (True, False):
        page = await windows.open("/account/", ada, live=scripted, java_script_enabled=scripted)
        shown = expect(page.get_by_role("heading", name="Notifications in this browser"))
        await (shown.to_be_visible() if scripted else shown.to_be_hidden())
        jump = expect(page.locator(".opens-jump"))
        await (jump.to_be_visible() if scripted else jump.to_be_hidden())


async def test_what_is_told_about_an_outgoing_message_fits_on_a_phone(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(f"Tunnel of {ada.user['username']}")
    page = await windows.open(f"/rooms/{room}/", ada, viewport={"width": 320, "height": 640})
    await page.route("**/messages/", lambda route: route.abort())
    await say(page, "written in a tunnel")
    state = page.locator(".outgoing-message .state")
    await expect(state).to_have_text("Not sent yet. No answer from the server. Trying again…")
    assert await state.evaluate("state => state.getBoundingClientRect().right <= innerWidth")


async def test_the_chosen_event_is_in_sight_in_the_stream_and_stays_where_it_was_pressed(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(f"Long {ada.user['username']}")
    for number in range(70):
        await talk(ada, room, f"number {number}")
    ids = range(3, 73)
    page = await windows.open(f"/rooms/{room}/history/", ada)
    event = page.locator(".stream .event").filter(has=page.locator(f'.version:text-is("{ids[-1]}")'))
    await expect(event).to_have_attribute("aria-current", "true")
    await expect(event).to_be_in_viewport()
    other = page.locator(".stream .event").filter(has=page.locator(f'.version:text-is("{ids[-4]}")'))
    before = await other.bounding_box()
    await other.locator("a").click()
    await expect(other).to_have_attribute("aria-current", "true")
    after = await other.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2
    await page.goto(f"/rooms/{room}/history/?at={ids[30]}")
    await expect(page.locator(".stream [aria-current]")).to_be_in_viewport()
