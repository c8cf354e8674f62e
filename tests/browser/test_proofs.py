"""Proofs in a browser: what the button checks, what it refuses, and what it says where it cannot check."""

import re

import asyncpg
import pytest
from playwright.async_api import Locator, Page, Route, expect

from postgres import locks
from tests.browser.test_live import post
from tests.browser.test_pages import PHONE, is_accessible
from tests.support.browser.service import Service
from tests.support.browser.windows import Windows, is_live, unique
from tests.support.conditions import eventually
from tests.support.people import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "Nothing is lost."
WITHOUT_ED25519 = """
crypto.subtle.importKey = () => Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
"""
HOLDS = "All of it holds."


async def signed(person: Person, room: str, version: int, *, of: int | None = None) -> None:
    """Wait until a checkpoint covers the words of a message."""

    async def is_signed() -> bool:
        answer = await person.get(f"/api/rooms/{room}/messages/{version}/proof/?of={of or version}")
        return answer.status == 200

    await eventually(is_signed)


async def said_by(person: Person, content: str = WORDS) -> tuple[str, int]:
    """A message in a room of its own, once it is in a checkpoint."""
    room = await person.open_room(unique("Proven"))
    version = await post(person, room, content)
    await signed(person, room, version)
    return room, version


async def check(page: Page, version: int) -> Locator:
    """Press the button of a version; returns what is said."""
    part = page.locator(f'.proof[data-version="{version}"]')
    await part.get_by_role("button", name="Check in this browser").click()
    await expect(part.get_by_role("status")).not_to_be_empty()
    return part.get_by_role("status")


async def test_a_message_and_its_edits_are_checked_on_its_page_and_downloaded(windows: Windows) -> None:
    ada = await windows.person("ada")
    room, version = await said_by(ada)
    edited = (
        await ada.request("PATCH", f"/api/rooms/{room}/messages/{version}/", {"content": "Little \u202e is."})
    ).body
    edit = int(edited["room"]["version"])
    await signed(ada, room, version, of=edit)
    page = await windows.open(f"/rooms/{room}/messages/{version}/", ada, bypass_csp=True)
    for each in (version, edit):
        found = await check(page, each)
        await expect(found.locator(".verdict")).to_have_text(HOLDS)
        await expect(found).to_contain_text("to which the log holds a commitment")
        await expect(found).to_contain_text(f"by user {ada.user['id']}, in room {room}, at version {each}, on ")
        await expect(found).to_contain_text("signed with the key that is in this page, on ")
    await is_accessible(page)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Proof file").first.click()
    assert (await downloading.value).suggested_filename == f"{room}-{version}.tlog-proof"


async def test_in_the_history_each_message_has_its_proof(windows: Windows) -> None:
    ada = await windows.person("ada")
    room, first = await said_by(ada, "The first.")
    second = await post(ada, room, "The second.")
    await signed(ada, room, second)
    page = await windows.open(f"/rooms/{room}/history/?at={first}", ada, viewport=PHONE)
    await page.get_by_role("link", name="Proof", exact=True).click()
    await expect((await check(page, first)).locator(".verdict")).to_have_text(HOLDS)
    await page.locator(".stream a", has_text="The second.").click()
    await expect((await check(page, second)).locator(".verdict")).to_have_text(HOLDS)
    await page.locator(".stream a", has_text="joined").click()
    await expect(page.get_by_text("This event is not a message.")).to_be_visible()


async def test_of_erased_words_the_commitment_is_proven(windows: Windows) -> None:
    ada, admin = await windows.person("ada"), await windows.admin()
    room, version = await said_by(ada, "a telephone number")
    assert (await admin.post(f"/api/rooms/{room}/join/")).status == 200
    body = {"versions": [version], "why": "asked for", "dry_run": False}
    assert (await admin.post(f"/api/rooms/{room}/erase/", body)).status == 200
    page = await windows.open(f"/rooms/{room}/messages/{version}/", ada)
    found = await check(page, version)
    await expect(found.locator(".verdict")).to_have_text(HOLDS)
    await expect(found).to_contain_text("The words were erased.")


async def test_what_the_service_alters_is_refused(windows: Windows) -> None:
    ada = await windows.person("ada")
    room, version = await said_by(ada)
    page = await windows.open(f"/rooms/{room}/messages/{version}/", ada)

    async def with_other_words(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, body=(await response.text()).replace(WORDS, "All is lost."))

    async def with_another_index(route: Route) -> None:
        response = await route.fetch()
        body = re.sub(r"^index (\d+)$", r"index 1\1", await response.text(), flags=re.MULTILINE)
        await route.fulfill(response=response, body=body)

    await page.route("**/versions/", with_other_words)
    found = await check(page, version)
    await expect(found.locator(".verdict")).to_have_text(
        "Refused: the words of the log are not those that the service shows."
    )
    await page.unroute("**/versions/")
    await page.route("**/proof/?of=*", with_another_index)
    await check(page, version)
    await expect(found.locator(".verdict")).to_have_text(re.compile("^Refused: .*(index|outside)"))
    await page.unroute("**/proof/?of=*")
    await page.evaluate(
        "document.querySelector('.log-key').textContent = 'other.example+e9ee34d4+' "
        "+ document.querySelector('.log-key').textContent.split('+').slice(2).join('+')"
    )
    await check(page, version)
    await expect(found.locator(".verdict")).to_have_text(re.compile("^Refused: .*key"))


async def test_a_browser_without_ed25519_says_what_it_could_not_check(windows: Windows) -> None:
    ada = await windows.person("ada")
    room, version = await said_by(ada)
    page = await (await windows.device(ada)).new_page()
    await page.add_init_script(WITHOUT_ED25519)
    await page.goto(f"/rooms/{room}/messages/{version}/")
    await is_live(page)
    found = await check(page, version)
    await expect(found.locator(".verdict")).to_have_text(re.compile("^All but the signature holds. .*Ed25519"))
    await expect(found.locator("li")).to_have_count(3)


async def test_what_no_checkpoint_covers_yet_says_so_and_is_proven_later(windows: Windows, service: Service) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(unique("Early"))
    psql = await asyncpg.connect(service.database_url)
    try:
        await eventually(lambda: locks.AUDIT_TREE.try_take(psql))
        version = await post(ada, room, WORDS)
        page = await windows.open(f"/rooms/{room}/messages/{version}/", ada)
        await expect(page.get_by_text("Not in a checkpoint yet")).to_be_visible()
        history = await windows.open(f"/rooms/{room}/history/?at={version}&tab=proof", ada)
        await expect(history.get_by_text("Not in a checkpoint yet")).to_be_visible()
    finally:
        await psql.close()
    await signed(ada, room, version)
    await page.reload()
    await is_live(page)
    await expect((await check(page, version)).locator(".verdict")).to_have_text(HOLDS)
