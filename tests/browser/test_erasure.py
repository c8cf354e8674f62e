"""Erased words leave every open page at once, and every page that was away when it is back."""

import re

import pytest
from playwright.async_api import Route, expect

from tests.browser.test_live import post, together
from tests.browser.test_switching import switch, two_rooms
from tests.support.browser.windows import Windows, is_live, said

pytestmark = pytest.mark.asyncio(loop_scope="session")

WHY = "asked for in letter 17"
SECRET = "a telephone number"


async def test_words_leave_open_pages_and_those_that_were_offline(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Erasure")
    admin = await windows.admin()
    other = await post(ada, room, "harmless")
    version = await post(ada, room, SECRET)
    open_page, away = await windows.open(f"/rooms/{room}/", bob), await windows.open(f"/rooms/{room}/", bob)
    history = await windows.open(f"/rooms/{room}/history/?at={version}", ada)
    rooms = await windows.open("/rooms/", ada)
    for page in (open_page, away):
        await expect(said(page, SECRET)).to_have_count(1)
    await away.context.set_offline(True)

    body = {"versions": [version], "why": WHY, "dry_run": False}
    assert (await admin.post(f"/api/rooms/{room}/erase/", body)).status == 200

    for page in (open_page, history):
        erased = page.locator(f"#m{version}")
        await expect(erased).to_have_class(re.compile(r"\berased\b"))
        await expect(erased.locator(".text")).to_contain_text(f": {WHY}")
        assert SECRET not in await page.content()
    await expect(rooms.locator(f'main .room[data-id="{room}"] .last')).to_contain_text("(erased)")
    assert SECRET not in await rooms.content()
    await expect(said(open_page, "harmless")).to_have_count(1)
    assert SECRET in await away.content()

    await away.context.set_offline(False)
    await expect(away.locator(f"#m{version}")).to_have_class(re.compile(r"\berased\b"))
    await is_live(away)
    assert SECRET not in await away.content()

    fresh = await windows.open(f"/rooms/{room}/", bob)
    for page in (open_page, away):
        for message in (other, version):
            text = page.locator(f"#m{message}")
            assert await text.inner_text() == await fresh.locator(f"#m{message}").inner_text()


async def test_the_name_of_an_erased_user_leaves_open_pages_and_those_that_were_offline(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Erased people")
    admin, mallory = await windows.admin(), await windows.person("mallory")
    name, number = mallory.user["username"], mallory.user["id"]
    assert (await mallory.post(f"/api/rooms/{room}/join/")).status == 200
    version = await post(mallory, room, "harmless")
    assert (await mallory.request("PUT", f"/api/rooms/{room}/messages/{version}/reactions/%F0%9F%91%8D/")).status == 200
    answer = await ada.post(f"/api/rooms/{room}/messages/", {"content": "who?", "reply_to": version})
    open_page, away = await windows.open(f"/rooms/{room}/", bob), await windows.open(f"/rooms/{room}/", bob)
    rooms = await windows.open("/rooms/", ada)
    people = await windows.open(f"/rooms/{room}/people/", ada)
    for page in (open_page, away, people):
        assert name in await page.content()
    await away.context.set_offline(True)

    body = {"why": WHY, "dry_run": False}
    assert (await admin.post(f"/api/users/{number}/erase/", body)).status == 200
    shown_as = f"erased user {number}"
    await expect(open_page.locator(f"#m{version} .author")).to_have_text(shown_as)
    await expect(open_page.locator(f"#m{answer.body['id']} .quoted-author")).to_have_text(shown_as)
    await expect(people.get_by_text(shown_as).first).to_be_visible()
    await away.context.set_offline(False)
    await expect(away.locator(f"#m{version} .author")).to_have_text(shown_as)
    fresh = await windows.open(f"/rooms/{room}/", bob)
    for page in (open_page, away, people, rooms, fresh):
        await is_live(page)
        assert name not in await page.locator("body").inner_html()
    for page in (open_page, away):
        for each in (f"#m{version}", ".members-list"):
            assert await page.locator(each).all_inner_texts() == await fresh.locator(each).all_inner_texts()


async def test_a_page_without_scripts_says_that_words_were_erased(windows: Windows) -> None:
    ada, _, room = await together(windows, "Erasure without scripts")
    version = await post(ada, room, SECRET)
    body = {"versions": [version], "why": WHY, "dry_run": False}
    assert (await (await windows.admin()).post(f"/api/rooms/{room}/erase/", body)).status == 200
    page = await windows.open(f"/rooms/{room}/", ada, live=False, java_script_enabled=False)
    await expect(page.locator(f"#m{version} .text")).to_contain_text(f": {WHY}")
    history = await windows.open(f"/rooms/{room}/history/", ada, live=False, java_script_enabled=False)
    await expect(history.locator(".chosen-event")).to_contain_text(f"erased content of version {version}: {WHY}")


async def test_words_that_are_erased_while_a_page_is_under_way_are_not_on_it(windows: Windows) -> None:
    ada, bob, first, second = await two_rooms(windows, "Erased under way")
    version = await post(bob, second, SECRET)
    admin = await windows.admin()
    page = await windows.open(f"/rooms/{first}/", ada)
    last = page.locator(f'.sidebar .room[data-id="{second}"] .last')

    async def come_late(route: Route) -> None:
        answer = await route.fetch()
        assert SECRET in await answer.text()
        body = {"versions": [version], "why": WHY, "dry_run": False}
        assert (await admin.post(f"/api/rooms/{second}/erase/", body)).status == 200
        await expect(last).to_contain_text("(erased)")
        await route.fulfill(response=answer)

    await page.route(f"**/rooms/{second}/", come_late)
    await switch(page, second)
    await expect(page.locator(f"#m{version}")).to_have_class(re.compile(r"\berased\b"))
    assert SECRET not in await page.content()
