"""Who has a room open, and who types there: told live, and not on the record."""

import pytest
from playwright.async_api import expect

from tests.browser.test_live import together
from tests.support.browser.service import on_both_servers
from tests.support.browser.windows import Windows, said

pytestmark = pytest.mark.asyncio(loop_scope="session")


@on_both_servers
async def test_those_in_a_room_see_who_else_is_and_who_types(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Present")
    name = bob.user["username"]
    hers = await windows.open(f"/rooms/{room}/", ada)
    await hers.locator(".people summary").click()
    dot = hers.locator(f'.members-list li[data-id="{bob.user["id"]}"].here')
    await expect(hers.locator(f'.members-list li[data-id="{ada.user["id"]}"].here')).to_be_visible()
    await expect(dot).to_have_count(0)
    his = await windows.open(f"/rooms/{room}/", bob)
    await expect(dot).to_be_visible()
    await expect(hers.locator(".here-count")).to_have_text("1 other here")
    before = (await ada.get(f"/api/rooms/{room}/")).body["version"]

    await expect(his.locator(".here-count")).to_have_text("1 other here")
    field = his.get_by_label("Message", exact=True)
    await field.press_sequentially("I am")
    await expect(hers.locator(".typing")).to_contain_text(f"{name}\u2069 is typing")
    await expect(his.locator(".typing")).to_be_empty()
    await field.press("Enter")
    await expect(said(hers, "I am")).to_have_count(1)
    await expect(hers.locator(".typing")).to_be_empty()
    assert (await ada.get(f"/api/rooms/{room}/")).body["version"] == before + 1

    await his.goto("/rooms/?page=1")
    await expect(dot).to_have_count(0)
    await his.goto(f"/rooms/{room}/")
    await expect(dot).to_be_visible()
    await bob.post(f"/api/rooms/{room}/leave/")
    await expect(his.locator(".left-notice")).to_be_visible()
    await expect(his.locator(".here-count")).to_be_hidden()
    await expect(hers.locator(".here-count")).to_be_hidden()
