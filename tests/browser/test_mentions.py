"""Who is called and who wants quiet: mentions in the list of rooms, muted rooms, names that the composer completes."""

import re

import pytest
from playwright.async_api import Route, expect

from tests.browser.test_live import post, row, together, unread
from tests.support.browser.windows import Windows, is_live, said
from tests.support.open_pages import becomes

NOTIFICATIONS = """
    window.notified = [];
    window.Notification = class {
        static permission = "default";
        static async requestPermission() {
            Notification.permission = "granted";
        }
        constructor(title, { body, tag }) {
            Object.assign(this, { title, body, isClosed: false });
            window.notified.push(this);
        }
        close() {
            this.isClosed = true;
        }
    };
    document.hasFocus = () => window.isLookedAt === true;
"""
"""In the place of the browser's: what it would show. No window has the focus until a test says so."""

REAL = """
    window.notified = [];
    const Real = window.Notification;
    window.Notification = class extends Real {
        constructor(title, options) {
            super(title, options);
            this.isClosed = false;
            this.addEventListener("show", () => window.notified.push(this));
        }
        close() {
            super.close();
            this.isClosed = true;
        }
    };
"""
"""The browser's own, and what it has shown of them."""

SHOWN = "window.notified.filter(({ isClosed }) => !isClosed).map(({ title, body }) => [title, body])"

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_muted_room_is_listed_apart_in_every_window_and_mentions_show_there_too(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Noisy")
    here = await ada.open_room(f"Here {ada.user['username']}")
    inside, outside = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{here}/", ada)
    await inside.locator(".people summary").click()
    await inside.get_by_role("button", name="Mute this room").click()
    await expect(inside.get_by_role("button", name="Unmute this room")).to_be_visible()
    muted = outside.locator(f'[data-group="muted"] .room[data-id="{room}"]')
    await expect(muted).to_be_visible()
    await inside.goto(f"/rooms/{here}/")
    await post(bob, room, f"@{ada.user['username']} come")
    await post(bob, room, "it is loud here")
    for page in (outside, inside):
        await expect(page.locator(f'[data-group="muted"] .room[data-id="{room}"] .unread')).to_contain_text("2")
        await expect(row(page, room).locator(".mention-count")).to_have_text("1")
        await expect(page.locator(".elsewhere")).to_be_hidden()
    await outside.reload()
    await expect(row(outside, room).locator(".mention-count")).to_have_text("1")
    await expect(muted).to_be_visible()
    await row(outside, room).click()
    await expect(outside.locator(f'.conversation[data-room="{room}"]')).to_be_visible()
    await outside.locator(".people summary").click()
    await outside.get_by_role("button", name="Unmute this room").click()
    await expect(inside.locator(f'[data-group="muted"] .room[data-id="{room}"]')).to_have_count(0)
    await expect(unread(inside, room)).to_be_hidden()


async def test_the_composer_completes_names_by_keyboard_and_by_finger(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Names")
    name = bob.user["username"]
    page = await windows.open(f"/rooms/{room}/", ada)
    field, options = page.get_by_label("Message", exact=True), page.get_by_role("listbox", name="Members to mention")
    await field.press_sequentially("mail me@")
    await expect(options).to_be_hidden()  # an address
    await field.fill("")
    await field.press_sequentially("ask @")
    await expect(options.get_by_role("option")).to_have_text([f"@{name}", "@room all members"])
    await field.press("ArrowDown")
    second = options.get_by_role("option", selected=True)
    await expect(second).to_have_text("@room all members")
    await expect(field).to_have_attribute("aria-activedescendant", await second.get_attribute("id") or "")
    await field.press("Escape")
    await expect(options).to_be_hidden()
    await field.press_sequentially(name[:2])
    await field.press("Enter")
    await expect(field).to_have_value(f"ask @{name} ")
    await field.press_sequentially("about it")
    await field.press("Enter")
    await expect(said(page, f"ask @{name} about it")).to_have_count(1)
    await expect(page.locator(".mention")).to_have_text(f"@{name}")
    phone = await windows.open(f"/rooms/{room}/", bob, viewport={"width": 360, "height": 700}, has_touch=True)
    field = phone.get_by_label("Message", exact=True)
    await field.press_sequentially("yes @")
    await phone.get_by_role("option", name=f"@{ada.user['username']}").tap()
    await expect(field).to_have_value(f"yes @{ada.user['username']} ")
    await expect(field).to_be_focused()


async def test_the_browser_notifies_of_what_the_user_chose_and_the_tab_counts_calls(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Called")
    me, him = ada.user["username"], bob.user["username"]
    name = (await ada.get(f"/api/rooms/{room}/")).body["name"]
    here = await ada.open_room(f"Elsewhere {me}")
    device = await windows.device(ada)
    await device.add_init_script(NOTIFICATIONS)
    page = await device.new_page()
    await page.goto(f"/rooms/{here}/")
    await is_live(page)
    await post(bob, room, f"@{me} before the choice")
    await expect(page).to_have_title(f"(1) Elsewhere {me} · onrecord")
    await expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("icon-dot"))
    assert await page.evaluate("[Notification.permission, window.notified.length]") == ["default", 0]

    await page.get_by_role("link", name=me, exact=True).click()
    await page.get_by_label("Mentions and direct messages").click()
    await expect(page.get_by_label("Mentions and direct messages")).to_be_checked()
    await post(bob, room, "to nobody")
    edited = await post(bob, room, "hello")
    await bob.request("PATCH", f"/api/rooms/{room}/messages/{edited}/", {"content": f"@{me} hello"})
    await becomes(lambda: page.evaluate(SHOWN), [[name, f"{him} mentioned you"]])
    await expect(page).to_have_title("(2) My account · onrecord")

    await page.evaluate("window.notified[0].onclick()")
    await expect(page).to_have_title(f"(2) {name} · onrecord")
    await page.evaluate("window.isLookedAt = true; window.dispatchEvent(new Event('focus'))")
    await expect(page).to_have_title(f"{name} · onrecord")
    await expect(page.locator("link[rel=icon]")).not_to_have_attribute("href", re.compile("icon-dot"))
    await post(bob, room, f"@{me} in front")
    await expect(said(page, f"@{me} in front")).to_have_count(1)

    await ada.request("PUT", f"/api/rooms/{room}/mute/", {})
    await page.evaluate("window.isLookedAt = false; window.dispatchEvent(new Event('blur'))")
    await post(bob, room, f"@{me} in a muted room")
    direct = (await bob.post("/api/direct/", {"usernames": [me]})).body["id"]
    await post(bob, direct, "between us")
    await becomes(lambda: page.evaluate(SHOWN), [[him, f"{him} wrote"]])
    await expect(page).to_have_title(f"(1) {name} · onrecord")
    assert await page.evaluate("window.notified.length") == 2


async def test_chromium_shows_notifications_with_words_only_where_the_user_wants_them(whole_windows: Windows) -> None:
    ada, bob, room = await together(whole_windows, "Really called")
    me, him = ada.user["username"], bob.user["username"]
    name = (await ada.get(f"/api/rooms/{room}/")).body["name"]
    device = await whole_windows.device(ada)
    await device.grant_permissions(["notifications"])
    await device.add_init_script(REAL)
    page = await device.new_page()
    await page.goto("/account/")
    await is_live(page)
    words = page.get_by_label("With the words of the message")
    await expect(words).to_be_disabled()
    await page.get_by_label("Mentions and direct messages").click()
    await page.reload()
    await is_live(page)
    await expect(page.get_by_label("Mentions and direct messages")).to_be_checked()
    await expect(words).not_to_be_checked()
    session = await device.new_cdp_session(page)
    await session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    await page.bring_to_front()
    await becomes(lambda: page.evaluate("document.hasFocus()"), True)

    await post(bob, room, f"@{me} in front")
    await expect(page).to_have_title("(1) My account · onrecord")
    other = await device.new_page()
    await other.bring_to_front()
    await becomes(lambda: page.evaluate("document.hasFocus()"), False)
    await post(bob, room, f"@{me} behind")
    await becomes(lambda: page.evaluate(SHOWN), [[name, f"{him} mentioned you"]])

    await page.bring_to_front()
    await words.check()
    await other.bring_to_front()
    await becomes(lambda: page.evaluate("document.hasFocus()"), False)
    said = await post(bob, room, f"@{me} with *words*")
    await becomes(lambda: page.evaluate(SHOWN), [[name, f"{him}: @{me} with words"]])
    assert (await bob.post(f"/api/rooms/{room}/messages/{said}/retract/", {"why": ""})).status == 200
    await becomes(lambda: page.evaluate(SHOWN), [])
    await ada.request("PUT", f"/api/rooms/{room}/mute/", {})
    await expect(page.locator(f'.sidebar .room.muted[data-id="{room}"]')).to_have_count(1)
    await post(bob, room, f"@{me} muted")
    direct = (await bob.post("/api/direct/", {"usernames": [me]})).body["id"]
    await post(bob, direct, "between us")
    await becomes(lambda: page.evaluate(SHOWN), [[him, f"{him}: between us"]])
    assert await page.evaluate("window.notified.length") == 3


async def test_words_that_are_taken_back_at_once_are_never_shown(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Taken back")
    me, him = ada.user["username"], bob.user["username"]
    device = await windows.device(ada)

    async def wait_longer(route: Route) -> None:
        response = await route.fetch()
        script = await response.text()
        assert "TOGETHER_MS = 300" in script
        await route.fulfill(response=response, body=script.replace("TOGETHER_MS = 300", "TOGETHER_MS = 5000"))

    await device.route(re.compile(r"/attention/notifier\b[^/]*\.js$"), wait_longer)
    await device.add_init_script(NOTIFICATIONS)
    page = await device.new_page()
    await page.goto("/account/")
    await is_live(page)
    await page.get_by_label("Mentions and direct messages").click()
    await page.get_by_label("With the words of the message").check()
    said = await post(bob, room, f"@{me} at once taken back")
    assert (await bob.post(f"/api/rooms/{room}/messages/{said}/retract/", {"why": ""})).status == 200
    direct = (await bob.post("/api/direct/", {"usernames": [me]})).body["id"]
    await post(bob, direct, "between us")
    await becomes(lambda: page.evaluate(SHOWN), [[him, f"{him}: between us"]])
    assert await page.evaluate("window.notified.length") == 1
