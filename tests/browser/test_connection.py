"""Pages say how news reaches them, and show it by whichever way there is."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, WebSocketRoute, expect

from centrifugo.tokens import connection_token
from projections.fanout import lane_table as lanes
from tests.browser.test_live import post, together
from tests.support.browser.service import Service, on_both_servers
from tests.support.browser.windows import Windows, is_live, said, say

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 30_000
SOON_MS = 6000
"""A connected page is told within three seconds that publications are late; this machine may be busy."""
UNAVAILABLE = "console: Failed to load resource: the server responded with a status of 503 (Service Unavailable)"


@pytest_asyncio.fixture(loop_scope="session")
async def psql(service: Service) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(service.database_url)
    yield connection
    await connection.execute(lanes.RESUME)
    await connection.close()


async def has_status(page: Page, status: str, *, within_ms: int = PATIENCE_MS) -> None:
    await expect(page.locator(".status")).to_have_attribute("data-status", status, timeout=within_ms)


async def test_where_websockets_are_blocked_the_feed_is_polled_until_they_are_not(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Blocked")
    context = await windows.device(ada)
    is_blocked = True

    async def block(socket: WebSocketRoute) -> None:
        if is_blocked:
            await socket.close()
        else:
            socket.connect_to_server()

    await context.route_web_socket("**/connection/websocket", block)
    page = await context.new_page()
    await page.goto(f"/rooms/{room}/")
    await has_status(page, "polling")
    await expect(page.locator(".status-text")).to_have_text("Polling")
    await post(bob, room, "can you hear me?")
    await expect(said(page, "can you hear me?")).to_have_count(1)
    await say(page, "as a poll")
    await expect(said(page, "as a poll")).to_have_count(1)
    is_blocked = False
    await has_status(page, "live")
    await post(bob, room, "and now?")
    await expect(said(page, "and now?")).to_have_count(1)


async def test_a_token_that_the_realtime_server_refuses_makes_one_clear_state_and_no_loop(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Refused token")
    context = await windows.device(ada)
    is_refused = True
    tokens = loads = 0

    async def forge(route: Route) -> None:
        nonlocal tokens
        tokens += 1
        if is_refused:
            await route.fulfill(json={"token": connection_token("f" * 64, str(ada.user["id"]), now=0)})
        else:
            await route.continue_()

    def loaded(_: Page) -> None:
        nonlocal loads
        loads += 1

    await context.route("**/api/token/connection/", forge)
    page = await context.new_page()
    page.on("load", loaded)
    await page.goto(f"/rooms/{room}/")
    await has_status(page, "polling")
    await post(bob, room, "still here")
    await expect(said(page, "still here")).to_have_count(1)
    assert (loads, page.url.endswith(f"/rooms/{room}/")) == (1, True)
    assert tokens <= 3
    is_refused = False
    await has_status(page, "live")
    assert loads == 1


async def test_a_page_that_has_to_load_afresh_waits_until_the_service_answers(windows: Windows) -> None:
    ada, bob, room = await together(windows, "Afresh")
    page = await windows.open(f"/rooms/{room}/", ada)
    refusals = 0

    async def refuse(route: Route) -> None:
        nonlocal refusals
        refusals += 1
        await route.fulfill(status=503, body="not now")

    await page.context.route(f"**/rooms/{room}/", refuse, times=2)
    gone = {"detail": "", "code": "log_restarted"}
    await page.context.route("**/api/delivery/**", lambda route: route.fulfill(status=409, json=gone), times=1)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    async with page.expect_event("load", timeout=PATIENCE_MS):
        pass
    assert refusals == 2
    windows.problems.remove(UNAVAILABLE)
    windows.problems.remove(UNAVAILABLE)
    await is_live(page)
    await post(bob, room, "still here")
    await expect(said(page, "still here")).to_have_count(1)


@on_both_servers
async def test_no_page_says_live_while_the_fanout_is_paused(windows: Windows, psql: asyncpg.Connection) -> None:
    ada, bob, room = await together(windows, "Paused")
    page = await windows.open(f"/rooms/{room}/", ada)
    await lanes.pause(psql)
    await has_status(page, "late", within_ms=SOON_MS)
    await post(bob, room, "late, but here")
    await expect(said(page, "late, but here")).to_have_count(1)
    fresh = await windows.open(f"/rooms/{room}/", ada, live=False)
    await has_status(fresh, "late")
    await lanes.resume(psql)
    await has_status(page, "live", within_ms=2 * SOON_MS)
    await is_live(fresh)


@on_both_servers
async def test_a_page_that_lost_its_connection_when_publications_became_late_says_so(
    windows: Windows, psql: asyncpg.Connection
) -> None:
    ada, _, room = await together(windows, "Paused meanwhile")
    page = await windows.open(f"/rooms/{room}/", ada)
    await page.context.set_offline(True)
    await has_status(page, "offline")
    await lanes.pause(psql)
    await page.context.set_offline(False)
    await has_status(page, "late", within_ms=SOON_MS)
