"""Who joined and left is a line between messages, live as on a fresh page; the chip says where a message is."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_live import post, together
from tests.support.browser.windows import Windows, said

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def lines(page: Page) -> list[str]:
    """What stands in the list of messages, but for days and the line of what is new."""
    found: list[str] = await page.locator(".messages > :not(.day, .unread-line)").evaluate_all(
        """items => items.map((item) => item.matches(".message")
            ? `${item.querySelector(".text").textContent} ${item.querySelector(".chip").textContent.trim()}`
            : (item.querySelector("summary") ?? item).textContent.trim())"""
    )
    return found


async def test_joins_and_leaves_are_lines_between_messages_live_as_on_a_fresh_page(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Comings")
    eve, mia = await windows.person("eve"), await windows.person("mia")
    answer = await ada.post(f"/api/rooms/{room}/messages/", {"content": "before"})
    page = await windows.open(f"/rooms/{room}/", ada)
    for person in (eve, mia):
        await person.post(f"/api/rooms/{room}/join/")
    await expect(page.locator(".joins").last).to_have_text(f"{eve.user['username']}, {mia.user['username']} joined")
    await eve.post(f"/api/rooms/{room}/leave/")
    await eve.post(f"/api/rooms/{room}/join/")
    folded = page.locator(".joins summary")
    await expect(folded).to_have_text(
        f"{eve.user['username']} joined, left and joined again; {mia.user['username']} joined"
    )
    await folded.click()
    await expect(page.locator(".joins details li")).to_have_count(4)
    await post(bob, room, "after")
    await mia.post(f"/api/rooms/{room}/leave/")
    await expect(said(page, "after")).to_be_visible()
    await expect(page.locator(".joins").last).to_have_text(f"{mia.user['username']} left")
    path = f"/api/rooms/{room}/members/{eve.user['id']}/remove/"
    assert (await ada.post(path, {"why": "spam"})).status == 200
    await expect(page.locator(".joins").last).to_have_text(
        f"{mia.user['username']} left; {eve.user['username']} was removed"
    )
    live = await lines(page)
    assert [line.split()[0] for line in live] == [
        *(ada.user["username"] + ",", "before", eve.user["username"], "after", mia.user["username"])
    ]
    assert live[1] == f"before Version v{answer.body['id']} · {answer.headers['X-Position']}"
    for scripted in (True, False):
        fresh = await windows.open(f"/rooms/{room}/", ada, live=scripted, java_script_enabled=scripted)
        assert await lines(fresh) == live
