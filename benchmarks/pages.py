"""(g) Pages: a first visit, a burst into an open room, a long way back. The browser is a headless Chromium."""

import asyncio
import time

from playwright.async_api import Page, async_playwright

from benchmarks.load import Run, Visitor
from benchmarks.load import run as drive
from benchmarks.server import Served, cpu_s, postgres, service
from benchmarks.tables import ms, p50_p99, table
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from tests.support.browser.chromium import SWITCHES, chromium
from tests.support.browser.windows import is_live
from tests.support.store import Store, open_store

MESSAGES = 10_000
BURST_PER_S, BURST_S = 200, 5
TIMEOUT_MS = 120_000

FRAMES = """() => {
    globalThis.frames = [];
    let before = performance.now();
    const note = (now) => { globalThis.frames.push(now - before); before = now; requestAnimationFrame(note); };
    requestAnimationFrame(note);
}"""

HAS_COME = "text => document.querySelector('.rooms .last').textContent.endsWith(text)"
"""Asked in every frame, of the list of rooms: a search through the messages would be measured instead of the page."""

SCROLL_BACK = """async () => {
    const scroll = document.querySelector(".scroll");
    const older = document.querySelector(".older");
    while (!older.hidden) {
        scroll.scrollTop = 0;
        await new Promise(requestAnimationFrame);
    }
}"""


async def fill(store: Store, ada: Visitor, bob: Visitor) -> RoomId:
    """A room of two with ten thousand messages."""
    room_id = await store.open_room("Long", by=UserId(ada.user_id))
    await store.chat.join_room(JoinRoom(room_id, UserId(bob.user_id)))
    for start in range(0, MESSAGES, 500):
        posts = (PostMessage(room_id, UserId(bob.user_id), f"message {n}") for n in range(start, start + 500))
        await asyncio.gather(*(store.chat.post_message(post) for post in posts))
    return room_id


async def first_visit(served: Served, ada: Visitor, room_id: RoomId) -> None:
    """What the server takes to render the room, asked for one at a time."""
    request = ada.get(f"/rooms/{room_id}/")

    async def visit(each: int) -> Run:
        return await drive(served.url, lambda _place, _number: request, connections=1, each=each, status=200)

    await visit(10)
    before = cpu_s(served.pid)
    result = await visit(100)
    cpu = (cpu_s(served.pid) - before) / len(result.seconds)
    rows = [(f"room of {MESSAGES:,} messages", *p50_p99(result.seconds), ms(cpu))]
    table("A first visit", ("page", "p50", "p99", "server CPU"), rows)


async def burst(page: Page, store: Store, bob: Visitor, room_id: RoomId) -> tuple[str, ...]:
    """Messages at a steady rate into the open room: how long frames took, and when the last message was there."""
    await page.evaluate(FRAMES)
    started = time.perf_counter()
    posts = []
    for number in range(BURST_PER_S * BURST_S):
        await asyncio.sleep(max(0.0, started + number / BURST_PER_S - time.perf_counter()))
        command = PostMessage(room_id, UserId(bob.user_id), f"burst {number}")
        posts.append(asyncio.create_task(store.chat.post_message(command)))
    await asyncio.gather(*posts)
    posted = time.perf_counter()
    await page.wait_for_function(HAS_COME, arg=f": burst {BURST_PER_S * BURST_S - 1}")
    shown = time.perf_counter() - posted
    frames = [frame / 1000 for frame in await page.evaluate("globalThis.frames")]
    return (*p50_p99(frames), ms(max(frames)), ms(shown))


async def scroll_back(page: Page) -> tuple[str, ...]:
    """All the way to the first message; what that took, how long frames took meanwhile, and what is on the page."""
    await page.evaluate(FRAMES)
    started = time.perf_counter()
    await page.evaluate(SCROLL_BACK)
    took = time.perf_counter() - started
    frames = [frame / 1000 for frame in await page.evaluate("globalThis.frames")]
    shown = await page.locator(".messages .message").count()
    return (f"{shown:,}", f"{took:.1f} s", *p50_p99(frames), ms(max(frames)))


async def run() -> None:
    async with (
        postgres() as dsn,
        open_store(dsn) as store,
        service(dsn) as served,
        async_playwright() as playwright,
    ):
        ada, bob = await Visitor.sign_up(served.url, "ada"), await Visitor.sign_up(served.url, "bob")
        room_id = await fill(store, ada, bob)
        await store.database.execute("ANALYZE")
        await first_visit(served, ada, room_id)
        browser = await playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        cookie = ada.headers.split("Cookie: ")[1].split("\r\n")[0]
        context = await browser.new_context(base_url=str(served.url))
        context.set_default_timeout(TIMEOUT_MS)
        pairs = (pair.split("=", 1) for pair in cookie.split("; "))
        await context.add_cookies([{"name": name, "value": value, "url": str(served.url)} for name, value in pairs])
        page = await context.new_page()
        await page.goto(f"/rooms/{room_id}/")
        await is_live(page)
        first_burst = await burst(page, store, bob, room_id)
        scrolled = await scroll_back(page)
        at_the_beginning = await burst(page, store, bob, room_id)
        await page.keyboard.press("Escape")
        at_the_end = await burst(page, store, bob, room_id)
        columns = ("messages on the page", "took", "frame p50", "p99", "longest")
        table("Scrolled back to the beginning", columns, [scrolled])
        columns = (f"{BURST_PER_S}/s into the open room", "frame p50", "p99", "longest", "last message shown after")
        bursts = [
            ("as it was opened", *first_burst),
            ("all loaded, the oldest in sight", *at_the_beginning),
            ("all loaded, the newest in sight", *at_the_end),
        ]
        table(f"A burst of {BURST_S} s", columns, bursts)
        await browser.close()
