"""Files of messages: chosen, sent while one writes, and seen by the others."""

import hashlib
import struct
import zlib

import pytest
from playwright.async_api import FilePayload, Locator, Page, Route, expect

from tests.browser.test_live import together
from tests.support.browser.windows import Windows, said, say

pytestmark = pytest.mark.asyncio(loop_scope="session")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


WIDTH, HEIGHT = 40, 30
PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    (
        chunk(b"IHDR", struct.pack(">II5s", WIDTH, HEIGHT, b"\x08\x02\0\0\0")),
        chunk(b"IDAT", zlib.compress((b"\0" + b"\x20\x90\x60" * WIDTH) * HEIGHT)),
        chunk(b"IEND", b""),
    )
)
PICTURE = FilePayload(name="plan.png", mimeType="image/png", buffer=PNG)
NOTES = FilePayload(name="notes & more.txt", mimeType="text/plain", buffer=b"what was agreed")
PIXELS = "image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
DROP = """(target, [name, text]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], name));
    for (const type of ["dragover", "drop"])
        target.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
}"""


def chosen(page: Page) -> Locator:
    """The files of the message that is being written."""
    return page.locator(".composer .files li")


async def choose(page: Page, *files: FilePayload) -> None:
    await page.locator(".attach input").set_input_files(list(files))


def uploads_to(room: str) -> str:
    return f"**/api/rooms/{room}/attachments/"


async def test_a_message_brings_a_picture_and_a_file_to_everyone_in_the_room(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Files")
    page, other = await windows.open(f"/rooms/{room}/", ada), await windows.open(f"/rooms/{room}/", bob)
    await choose(page, PICTURE, NOTES)
    await expect(page.locator('.composer .files li[data-state="kept"]')).to_have_count(2)
    await say(page, "the plan")
    await expect(chosen(page)).to_have_count(0)
    for each in (page, other):
        files = said(each, "the plan").locator("xpath=ancestor::li").locator(".attachments")
        await expect(files.locator(".file-name")).to_have_text(["plan.png", "notes & more.txt"])
        assert await files.locator("img").evaluate(PIXELS) == [WIDTH, HEIGHT]
        link = await files.locator("a").nth(1).get_attribute("href")
        fetched = await each.request.get(link or "")
        assert await fetched.body() == NOTES["buffer"]
        assert fetched.headers["x-sha256"] == hashlib.sha256(NOTES["buffer"]).hexdigest()
    await page.reload()
    loaded = page.locator(".attachments img")
    assert await loaded.evaluate(PIXELS) == [WIDTH, HEIGHT]
    await say(page, "and no files")
    await expect(said(page, "and no files").locator("xpath=ancestor::li").locator(".attachments")).to_have_count(0)


async def test_a_message_may_be_files_alone_also_after_an_edit(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Only files")
    page, other = await windows.open(f"/rooms/{room}/", ada), await windows.open("/rooms/?page=1", bob)
    await page.locator("#content").press("Enter")
    await expect(page.locator(".outgoing li")).to_have_count(0)
    await choose(page, NOTES)
    await expect(chosen(page)).to_have_attribute("data-state", "kept")
    await page.locator("#content").press("Enter")
    item = page.locator(".messages .message.own", has=page.locator(".attachments"))
    await expect(item.locator(".file-name")).to_have_text("notes & more.txt")
    await expect(item.locator(".text")).to_have_text("")
    await expect(other.locator(f'.sidebar .room[data-id="{room}"] .words')).to_have_text("(files)")
    for words in ("what was agreed", ""):
        await page.locator("#content").press("ArrowUp")
        await page.locator("#content").fill(words)
        await page.locator("#content").press("Enter")
        await expect(item.locator(".text")).to_have_text(words)
    await page.reload()
    await expect(item.locator(".file-name")).to_have_text("notes & more.txt")
    await expect(item.locator(".edited")).to_be_visible()


async def test_files_are_attached_without_scripts(windows: Windows) -> None:
    ada, _, room = await together(windows, "Plain files")
    page = await windows.open(f"/rooms/{room}/", ada, live=False, java_script_enabled=False)
    for words in ("the plan", ""):
        await page.get_by_label("Attach files").set_input_files([PICTURE, NOTES])
        await page.locator("#content").fill(words)
        await page.get_by_role("button", name="Send").click()
        item = page.locator(".messages .message").last
        await expect(item.locator(".file-name")).to_have_text(["plan.png", "notes & more.txt"])
        assert await item.locator("img").evaluate(PIXELS) == [WIDTH, HEIGHT]
        await expect(item.locator(".text")).to_have_text(words)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#content-problem")).to_have_text("This field may not be blank.")


async def test_a_file_that_did_not_get_through_is_sent_again_while_one_is_in_another_room(windows: Windows) -> None:
    ada, _, room = await together(windows, "Lost files")
    second = await ada.open_room(f"Elsewhere {ada.user['username']}")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.context.route(uploads_to(room), lambda route: route.abort())
    await choose(page, NOTES)
    await expect(chosen(page)).to_have_attribute("data-state", "waiting")
    await say(page, "not yet")
    await expect(page.locator(".files-note")).to_contain_text("when its files are sent")
    await expect(page.locator("#content")).to_have_value("not yet")
    await page.locator(f'.sidebar .room[data-id="{second}"] a').click()
    await page.wait_for_url(f"**/rooms/{second}/")
    await expect(chosen(page)).to_have_count(0)
    await page.context.unroute(uploads_to(room))
    await page.go_back()
    await expect(chosen(page)).to_have_attribute("data-state", "kept")
    await page.reload()
    await expect(chosen(page).locator(".file-name")).to_have_text("notes & more.txt")
    await page.locator("#content").press("Enter")
    await expect(said(page, "not yet")).to_have_count(1)
    await expect(page.locator(".messages .file-name")).to_have_text("notes & more.txt")


async def test_files_are_dropped_taken_out_and_refused_with_a_reason(windows: Windows) -> None:
    ada, _, room = await together(windows, "Dropped files")
    page = await windows.open(f"/rooms/{room}/", ada)

    async def refuse(route: Route) -> None:
        await route.fulfill(status=413, json={"code": "file_too_large", "message": "The file is too large."})

    await page.locator(".messages").evaluate(DROP, ["dropped.txt", "let fall"])
    await expect(chosen(page)).to_have_attribute("data-state", "kept")
    await page.context.route(uploads_to(room), refuse)
    await choose(page, PICTURE)
    await expect(chosen(page).nth(1)).to_contain_text("The file is too large.")
    await chosen(page).nth(1).get_by_role("button", name="Take out plan.png").click()
    await expect(chosen(page).locator(".file-name")).to_have_text("dropped.txt")
    await say(page, "let fall")
    await expect(page.locator(".messages .file-name")).to_have_text("dropped.txt")
