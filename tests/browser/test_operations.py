"""The operations page in a browser: what an admin sees happen there, and does there."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from api.wiring import create_fold
from domain.room.messages import PostMessage
from domain.room.opening import OpenRoom
from domain.values import RoomId, UserId
from projections.fanout import lane_table as lanes
from replay.progress import Progress
from replay.rebuild.rebuild import rebuild
from tests.browser.test_pages import PHONE, is_accessible
from tests.support.browser.service import Service
from tests.support.browser.windows import Windows, unique
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.store import open_store

pytestmark = pytest.mark.asyncio(loop_scope="session")

MORE_THAN_THE_LAST_LEG = 600
"""Events that a rebuild folds before it takes the append lock: `replay.rebuild.rebuild.NEAR` and some."""


@pytest_asyncio.fixture(loop_scope="session")
async def psql(service: Service) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the service's database; what is done to its fan-out is undone at the end."""
    connection = await asyncpg.connect(service.database_url)
    yield connection
    await connection.execute(f"{lanes.RESUME}; DELETE FROM dead_letters")
    await connection.close()


@contextlib.asynccontextmanager
async def locked(table: str, mode: str, service: Service) -> AsyncIterator[None]:
    """Keep a table locked during the block."""
    connection = await asyncpg.connect(service.database_url)
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield
    await connection.close()


def figure(page: Page, name: str) -> Locator:
    return page.locator(f'[data-figure="{name}"]')


def on_the_record(page: Page, text: str) -> Locator:
    return page.locator(".actions li").filter(has_text=text)


async def act(page: Page, section: str, button: str, why: str) -> None:
    """Do something for a reason."""
    part = page.get_by_role("region", name=section, exact=True)
    await part.locator("form:visible").filter(has=page.get_by_role("button", name=button)).get_by_label("Why").fill(why)
    await part.get_by_role("button", name=button, exact=True).click()


async def mark(page: Page) -> None:
    """Note that this is the page that is open: a reload loses the note."""
    await page.evaluate("document.body.dataset.marked = 'yes'")


async def is_the_same(page: Page) -> bool:
    return bool(await page.evaluate("document.body.dataset.marked === 'yes'"))


async def an_interrupted_rebuild(service: Service, monkeypatch: pytest.MonkeyPatch) -> int:
    """More events than one leg folds, and a rebuild that was interrupted before them; returns its position."""
    async with open_store(service.database_url) as store:
        opened = await store.chat.open_room(OpenRoom(unique("Long"), UserId(1)))
        room_id = RoomId(opened.event.originator_id)
        for number in range(MORE_THAN_THE_LAST_LEG):
            await store.chat.post_message(PostMessage(room_id, UserId(1), f"number {number}"))

    class Stop(Exception):
        """As if an operator pressed Ctrl-C."""

    reached = 0

    def stop(progress: Progress) -> None:
        nonlocal reached
        reached = progress.done
        if reached:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr("replay.rebuild.fold.PAGE", 10)
        with pytest.raises(Stop):
            await rebuild(create_fold(), service.database_url, stop, restart=True)
    return reached


async def test_a_rebuild_is_started_and_seen_to_move_and_to_finish_without_a_reload(
    windows: Windows, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_at = await an_interrupted_rebuild(service, monkeypatch)
    page = await windows.open("/operations/", await windows.admin())
    await expect(figure(page, "rebuild-state")).to_have_text("interrupted")
    async with locked("public.rooms", "ACCESS SHARE", service):  # the exchange waits for readers
        async with locked("onrecord_rebuild.messages", "ACCESS EXCLUSIVE", service):  # and folding for this
            await act(page, "Rebuild", "Resume", "to see it")
            await expect(figure(page, "rebuild-state")).to_have_text("rebuilding")
            await mark(page)
            await expect(page.locator("progress")).to_have_js_property("value", begun_at)
            await expect(page.locator(".start-form")).to_be_hidden()
            await expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        await expect(figure(page, "percent")).to_have_text("100 %")
        await expect(figure(page, "rebuild-state")).to_have_text("rebuilding")
    await expect(figure(page, "rebuild-state")).to_have_text("not running")
    await expect(on_the_record(page, "rebuilt rooms at position")).to_contain_text("to see it")
    await expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    assert await is_the_same(page)


async def test_positions_move_when_a_member_posts_and_show_what_a_fresh_page_shows(
    windows: Windows, psql: asyncpg.Connection
) -> None:
    ada, admin = await windows.person("ada"), await windows.admin()
    room = await ada.open_room(unique("Moving"))
    page = await windows.open("/operations/", admin)
    await mark(page)
    position = await post(ada, room)
    await expect(figure(page, "position")).to_have_text(f"{position:,}")
    for name in ("rooms inline", "fanout-0 subscriber"):
        item = page.locator(f'[data-key="{name}"]')
        await expect(item.locator('[data-field="checkpoint"]')).to_have_text(f"{position:,}")
        await expect(item.locator('[data-field="lag"]')).to_have_text("up to date")
    assert await is_the_same(page)
    fresh = await windows.open("/operations/", admin, live=False, java_script_enabled=False)
    for name in ("checkpoint", "lag", "state", "holder"):
        shown = [await each.locator(f'.projection [data-field="{name}"]').all_inner_texts() for each in (page, fresh)]
        assert shown[0] == shown[1] != [], name

    await act(page, "Fan-out", "Pause", "to see it fall behind")
    lane = page.locator('[data-key="fanout-0 subscriber"]')
    await expect(lane.locator(".badge")).to_have_text("paused")
    await mark(page)

    async def falls_behind() -> bool:
        await post(ada, room)  # the lane may have it under way before it learns of the pause
        return "event" in await lane.locator('[data-field="lag"]').inner_text()

    await eventually(falls_behind)
    assert await is_the_same(page)
    await act(page, "Fan-out", "Resume", "seen")
    await expect(lane.locator('[data-field="lag"]')).to_have_text("up to date")


@pytest_asyncio.fixture(loop_scope="session")
async def tree(psql: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """For tests that say untrue things of the tree and its witnesses, which are undone at the end."""
    yield psql
    await psql.execute("UPDATE audit_epochs SET stopped_why = NULL, stopped_at = NULL; DELETE FROM audit_witnesses")


async def test_the_tree_and_its_witnesses_are_shown_and_in_a_sentence_whether_all_is_well(
    windows: Windows, tree: asyncpg.Connection
) -> None:
    ada, admin = await windows.person("ada"), await windows.admin()
    room = await ada.open_room(unique("In the tree"))
    page = await windows.open("/operations/", admin)
    await mark(page)
    await post(ada, room)
    size = await tree.fetchval("SELECT count(*) FROM stored_events")
    await expect(figure(page, "tree-size")).to_have_text(f"{size:,}", timeout=60_000)
    await expect(figure(page, "tree-checkpoint")).to_contain_text(f"{size:,} events, ", timeout=60_000)
    await expect(figure(page, "tree-state")).to_have_text("well", timeout=60_000)
    await expect(figure(page, "tree-summary")).to_contain_text("All is well so far: the tree follows the log")
    await expect(figure(page, "tree-summary")).to_contain_text("It was not yet verified in full: that is due at ")
    await expect(figure(page, "tree-verification")).to_contain_text("none yet, due ")
    await expect(page.locator(".no-witnesses")).to_be_visible()
    await tree.execute(
        "INSERT INTO audit_witnesses (epoch, name, size, cosigned_at, problem) "
        "SELECT max(epoch), 'w1', 2, now() - interval '3 hours', 'it answered 500' FROM audit_epochs"
    )
    witness = page.locator('.witnesses [data-key="w1"]')
    await expect(witness).to_contain_text("2 events")
    await expect(witness).to_contain_text("3 h ago")
    await expect(witness.locator(".problem")).to_have_text("it answered 500")
    await expect(figure(page, "tree-state")).to_have_text("not well")
    await expect(figure(page, "tree-summary")).to_contain_text("The witness w1 has not cosigned: it answered 500.")
    await tree.execute("UPDATE audit_epochs SET stopped_why = 'the rows are not those that were signed'")
    await expect(figure(page, "tree-state")).to_have_text("stopped")
    await expect(figure(page, "tree-summary")).to_contain_text(
        "Nothing is signed any more: the rows are not those that were signed."
    )
    assert await is_the_same(page)
    fresh = await windows.open("/operations/", admin, live=False, java_script_enabled=False)
    for each in ("tree-state", "tree-summary", "tree-size", "tree-lag", "tree-epoch", "tree-origin"):
        assert await figure(page, each).inner_text() == await figure(fresh, each).inner_text() != "", each
    assert await witness.inner_text() == await fresh.locator('.witnesses [data-key="w1"]').inner_text()


async def test_figures_that_no_longer_come_are_said_to_be_old(windows: Windows, psql: asyncpg.Connection) -> None:
    page = await windows.open("/operations/", await windows.admin())
    since = page.locator(".freshness")
    await expect(since).to_have_text("As of")
    await psql.execute("UPDATE operations_watch SET watched_until = '-infinity'")
    await expect(since).to_have_text("No update since")


async def post(person: Person, room: str) -> int:
    """Say something from elsewhere; returns its position."""
    answer = await person.post(f"/api/rooms/{room}/messages/", {"content": "hello"})
    assert answer.status == 201
    return answer.position


async def set_aside(psql: asyncpg.Connection, room: str, position: int) -> str:
    """A dead letter by hand; returns its id."""
    return str(
        await psql.fetchval(
            "INSERT INTO dead_letters (lane, position, room_id, version, reason) SELECT 0, $1, $2, originator_version,"
            " 'too large' FROM stored_events WHERE notification_id = $1 RETURNING dead_letter_id",
            position,
            room,
        )
    )


async def test_a_dead_letter_appears_is_looked_at_and_retried_and_goes_from_every_window(
    windows: Windows, psql: asyncpg.Connection
) -> None:
    ada, admin = await windows.person("ada"), await windows.admin()
    room = await ada.open_room(unique("Refused"))
    position = await post(ada, room)
    page, other = await windows.open("/operations/", admin), await windows.open("/operations/", admin)
    await mark(other)
    letter = await set_aside(psql, room, position)
    link = page.get_by_role("link", name=f"Dead letter {letter}", exact=True)
    await link.click()
    await expect(page.get_by_role("definition").filter(has_text="said something, 5 characters")).to_be_visible()
    await page.get_by_label("Why").fill("larger now")
    await page.get_by_role("button", name="Publish", exact=True).click()
    await page.wait_for_url("**/operations/#dead-letters")
    await expect(link).to_have_count(0)
    await expect(on_the_record(page, f"retry dead letter {letter}")).to_contain_text("larger now")
    await expect(other.locator(".dead-letters li")).to_have_count(0)
    await expect(on_the_record(other, f"retry dead letter {letter}")).to_be_visible()
    assert await is_the_same(other)


async def test_everything_is_done_without_scripts(windows: Windows, psql: asyncpg.Connection) -> None:
    ada, admin = await windows.person("ada"), await windows.admin()
    room = await ada.open_room(unique("Plain"))
    letter = await set_aside(psql, room, await post(ada, room))
    page = await windows.open("/rooms/", admin, live=False, java_script_enabled=False)
    await page.get_by_role("link", name="Operations").click()
    await act(page, "Fan-out", "Pause", "without scripts")
    await expect(page.locator('[data-key="fanout-0 subscriber"] .badge')).to_have_text("paused")
    await act(page, "Fan-out", "Resume", "without scripts")
    await expect(page.locator('[data-key="fanout-0 subscriber"] .badge')).to_have_text("running")
    await act(page, "Rebuild", "Start", "   ")
    await expect(page.locator("#rebuild-why-problem")).to_have_text("Give a reason: it is recorded.")
    await act(page, "Rebuild", "Start", "without scripts")
    await page.wait_for_url("**/operations/#rebuild")
    await expect(on_the_record(page, "rebuild rooms").first).to_contain_text("without scripts")
    await page.get_by_role("link", name=f"Dead letter {letter}", exact=True).click()
    await page.get_by_label("Why").fill("without scripts")
    await page.get_by_role("button", name="Discard").click()
    await expect(on_the_record(page, f"discard dead letter {letter}")).to_be_visible()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_nothing_stands_in_the_way_of_people_with_disabilities(
    windows: Windows, psql: asyncpg.Connection, color_scheme: Any
) -> None:
    admin = await windows.admin()
    room = await admin.open_room(unique("Access"))
    letter = await set_aside(psql, room, await post(admin, room))
    await psql.execute("UPDATE fanout_lanes SET failed_position = 3, failed_reason = 'too large'")
    page = await windows.open("/operations/", admin, live=False, color_scheme=color_scheme, bypass_csp=True)
    await page.locator('.status[data-status="late"]').wait_for()
    await expect(page.get_by_label("Position of the event to skip")).to_have_value("3")
    await is_accessible(page)
    await page.goto(f"/operations/dead-letters/{letter}/")
    await is_accessible(page)
    ada = await windows.person("ada")
    await is_accessible(await windows.open("/operations/", ada, live=False, color_scheme=color_scheme, bypass_csp=True))


async def test_a_phone_scrolls_one_way(windows: Windows, psql: asyncpg.Connection) -> None:
    admin = await windows.admin()
    room = await admin.open_room(unique("Phone"))
    letter = await set_aside(psql, room, await post(admin, room))
    page = await windows.open("/operations/", admin, viewport=PHONE, has_touch=True, is_mobile=True)
    for path in ("/operations/", f"/operations/dead-letters/{letter}/"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
