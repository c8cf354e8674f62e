"""What other sites and the end of a session do to pages that are open, without scripts as well."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.test_live import together
from tests.support.browser.service import Service
from tests.support.browser.windows import Windows, said, say
from tests.support.people import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_link_on_another_site_leaves_open_forms_valid(windows: Windows) -> None:
    ada, _, room = await together(windows, "Linked")
    page = await windows.open(f"/rooms/{room}/", ada, live=False, java_script_enabled=False)
    await page.locator("#content").fill("typed before")
    other = await page.context.new_page()
    await other.goto(f"data:text/html,<a href='{windows.url / 'rooms' / room / ''}'>a room</a>")
    await other.get_by_role("link").click()
    await expect(other.locator(".conversation")).to_be_visible()
    await page.get_by_role("button", name="Send").click()
    await expect(said(page, "typed before")).to_have_count(1)
    await other.locator("#content").fill("typed there")
    await other.get_by_role("button", name="Send").click()
    await expect(said(other, "typed there")).to_have_count(1)


async def test_without_scripts_the_text_comes_back_after_login(windows: Windows) -> None:
    ada, _, room = await together(windows, "Ended")
    page = await windows.open(f"/rooms/{room}/", ada, live=False, java_script_enabled=False)
    await page.locator("#content").fill("one\ntwo")
    await ada.post("/api/logout/", {})
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("status")).to_contain_text("Log in again")
    await page.get_by_label("Name").fill(ada.user["username"])
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("one\ntwo")
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url(f"**/rooms/{room}/#newest")
    await expect(said(page, "one\ntwo")).to_have_count(1)


async def test_a_message_that_the_end_of_the_session_met_says_so_and_is_sent_after_the_login(windows: Windows) -> None:
    ada, _, room = await together(windows, "Unsent")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.route("**/messages/", lambda route: route.abort())
    await say(page, "written in a tunnel")
    state = page.locator(".outgoing-message .state")
    await expect(state).to_have_text("Not sent yet. No answer from the server. Trying again…")
    await ada.post("/api/logout/", {})
    await expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
    await page.unroute("**/messages/")
    await expect(state).to_have_text("Not sent yet. Log in again: then it is sent.")
    await expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    await expect(page.get_by_role("button", name="Discard")).to_be_visible()
    await page.get_by_role("alert").get_by_role("link", name="Log in").click()
    await page.get_by_label("Name").fill(ada.user["username"])
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(said(page, "written in a tunnel")).to_have_count(1)
    await expect(page.locator(".outgoing-message")).to_have_count(0)


async def test_an_open_page_says_that_the_account_is_out_and_keeps_what_was_typed(
    windows: Windows, service: Service
) -> None:
    ada, bob, room = await together(windows, "Deactivated")
    page = await windows.open(f"/rooms/{room}/", ada)
    other = await windows.open(f"/rooms/{room}/", bob)
    await page.locator("#content").fill("half a thought")
    await asyncio.to_thread(service.run, "user", "deactivate", ada.user["username"], "--why", "spam")
    await expect(page.get_by_role("alert")).to_contain_text("Your session has ended", timeout=3000)
    await expect(page.locator("#content")).to_have_value("half a thought")
    await bob.post(f"/api/rooms/{room}/messages/", {"content": "not for ada"})
    await expect(said(other, "not for ada")).to_have_count(1)
    await expect(said(page, "not for ada")).to_have_count(0)
    await expect(other.get_by_role("alert")).to_be_hidden()
