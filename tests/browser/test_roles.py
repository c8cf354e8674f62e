"""Open pages follow what owners and moderators decide, at once."""

import pytest
from playwright.async_api import expect

from tests.browser.test_live import post, together
from tests.support.browser.windows import Windows, said
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
