"""Open pages follow what owners and moderators decide, at once."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.test_live import post, together
from tests.support.browser.windows import Windows, is_live, said
from tests.support.live_service import give_role
from tests.support.people import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def decide(owner: Person, room: str, member: Person, what: str, method: str = "POST", **body: object) -> None:
    path = f"/api/rooms/{room}/members/{member.user['id']}/{what}/"
    answer = await owner.request(method, path, {"why": "spam", **body})
    assert answer.status == 200, answer.raw


async def test_a_muted_member_sees_why_and_writes_again_when_the_mute_is_lifted(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Muted")
    page = await windows.open(f"/rooms/{room}/", bob)
    composer = page.locator("#content")
    await expect(composer).to_be_enabled()
    await decide(ada, room, bob, "mute", minutes=60)
    await expect(page.locator(".muted-notice")).to_contain_text("You are muted in this room until")
    await expect(page.locator(".muted-notice")).to_contain_text("spam")
    await expect(composer).to_be_disabled()
    await decide(ada, room, bob, "mute", "DELETE")
    await expect(page.locator(".muted-notice")).to_be_hidden()
    await composer.fill("thank you")
    await composer.press("Enter")
    await expect(said(page, "thank you")).to_have_count(1)


async def test_a_removed_member_sees_by_whom_and_why(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Removed")
    page = await windows.open(f"/rooms/{room}/", bob)
    await decide(ada, room, bob, "remove")
    await expect(page.locator(".left-notice")).to_contain_text(f"{ada.user['username']} removed you: spam.")
    await expect(page.locator("#content")).to_be_disabled()


async def test_roles_topic_and_archiving_are_shown_at_once(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Governed")
    await post(ada, room, "hello")
    page, people = await windows.open(f"/rooms/{room}/", bob), await windows.open(f"/rooms/{room}/people/", bob)
    role = page.locator(f'.members-list li[data-id="{bob.user["id"]}"] .role')
    await give_role(ada, room, bob.user, "moderator")
    await expect(role).to_have_text("moderator")
    await expect(people.locator(f'.people-list li[data-id="{bob.user["id"]}"] .role')).to_have_text("moderator")
    assert (await ada.request("PUT", f"/api/rooms/{room}/topic/", {"topic": "steam"})).status == 200
    await expect(page.locator(".topic")).to_have_text("steam")
    assert (await ada.post(f"/api/rooms/{room}/archive/", {})).status == 200
    await expect(page.locator(".archived-notice")).to_be_visible()
    await expect(page.locator("#content")).to_be_disabled()
    await page.locator(".message .actions").click()  # no menu of what would be refused, but the message's page
    await page.wait_for_url("**/messages/*/")
    await page.go_back()
    await expect(page.locator(".archived-notice")).to_be_visible()
    assert (await ada.post(f"/api/rooms/{room}/reopen/", {})).status == 200
    await expect(page.locator("#content")).to_be_enabled()


async def test_a_new_link_stays_in_view_and_is_made_once_whatever_happens_in_the_room(windows: Windows) -> None:
    ada, _, room = await together(windows, "Linked")
    page = await windows.open(f"/rooms/{room}/invitations/", ada)
    await page.get_by_role("button", name="Make a link").click()
    field = page.get_by_label("Link", exact=True)
    link = await field.input_value()
    await is_live(page)
    await (await windows.person("eve")).post(f"/api/rooms/{room}/join/")
    await expect(page.locator(".sidebar .room .members")).to_have_text("3 members")
    await expect(field).to_have_value(link)
    await page.reload()
    await expect(page.locator(".links li")).to_have_count(1)
    await expect(field).to_have_count(0)


async def test_the_page_that_answers_a_refused_form_has_an_address_to_come_back_to(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Refused")
    page = await windows.open(f"/rooms/{room}/invitations/", ada)
    await page.get_by_label("User name").fill(bob.user["username"])
    await page.get_by_role("button", name="Invite").click()
    await expect(page.locator("main .problem")).to_be_visible()
    await is_live(page)
    await page.get_by_role("link", name="Back to the room").click()
    await expect(page.locator(".conversation")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="who may enter")).to_be_visible()
    await page.goto("/discover/")
    await page.get_by_label("With whom").fill("nobody of this name")
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.locator("main .problem")).to_be_in_viewport()
    await expect(page).to_have_url(re.compile("/discover/$"))
