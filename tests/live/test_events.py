"""Each kind of event, with each mishap on its way to open pages."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import get_args

import asyncpg
import pytest
import pytest_asyncio

from tests.support.happenings.admission import ADMISSION, coming_back_where_history_begins_with_joining
from tests.support.happenings.decisions import DECISIONS
from tests.support.happenings.erasures import ERASURES
from tests.support.happenings.messages import MESSAGES
from tests.support.happenings.moves import MOVES
from tests.support.happenings.scene import Happening, Scene
from tests.support.lanes_under_test import TURN_COLD
from tests.support.live_service import HISTORY, Service, done, give_role, leave_all, new_room
from tests.support.realtime.relay import Fate

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

FATES: tuple[Fate, ...] = get_args(Fate)


@pytest_asyncio.fixture(loop_scope="session")
async def scene(service: Service) -> AsyncIterator[Scene]:
    ada, bob, _ = service.people
    room, elsewhere = await new_room(ada), await new_room(ada)
    for each in (room, elsewhere):
        await done(bob, each, "join")
        await give_role(ada, each, bob.user, "owner")
    await service.published()
    yield Scene(service, room, elsewhere)
    await leave_all(ada)


EVENTS = {**MOVES, **MESSAGES, **ERASURES, **DECISIONS, **ADMISSION}
"""What can happen, and the publications that tell the owner of the pages of it."""

LOADED_AFRESH = {coming_back_where_history_begins_with_joining}
"""A page that is cut off polls the feed. If it may read less than it shows, it loads afresh and recovers nothing."""

FORGETTING = {"content_erased", "user_erased"}
"""After these, no channel remembers what was published before."""


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
async def test_open_pages_equal_a_fresh_one_after(scene: Scene, event: Happening) -> None:
    """One page for each fate of the publications; one that was cut off briefly, and recovers what it missed; one that
    was cut off for longer than the channel remembers.
    """
    async with AsyncExitStack() as pages:
        *disturbed, briefly, for_long = [await pages.enter_async_context(scene.page()) for _ in (*FATES, 1, 2)]
        for fate, each in zip(FATES, disturbed, strict=True):
            fates = itertools.repeat(fate, len(EVENTS[event]))
            each.relay.fates = itertools.chain(fates, itertools.repeat("delivered"))
        briefly.relay.cut()
        for_long.relay.cut()
        await event(scene)
        await scene.service.published()
        briefly.relay.mend()
        await scene.service.assert_fresh(briefly.page)
        await scene.go_on()
        await scene.service.assert_fresh(*(each.page for each in disturbed))
        for _ in range(HISTORY):
            await scene.go_on()
        await scene.service.published()
        for_long.relay.mend()
        await scene.service.assert_fresh(for_long.page)
        assert [each.relay.recoveries for each in disturbed] == [[] for _ in FATES]
        await briefly.recovered(FORGETTING.isdisjoint(EVENTS[event]))  # polling may have been quicker
        if event in LOADED_AFRESH:
            assert for_long.relay.recoveries in ([], [False])
        else:
            await for_long.recovered(False)


@pytest.mark.parametrize("fate", ["delivered", "doubled"])
async def test_a_page_that_hears_of_a_pause_receives_everything_again(scene: Scene, fate: Fate) -> None:
    ada, bob, _ = scene.people
    async with scene.page() as open_page:
        database = await asyncpg.connect(scene.service.dsn)
        await database.execute(TURN_COLD, ada.user["id"])
        await database.close()
        open_page.relay.fates = itertools.repeat(fate)
        await open_page.shows(await scene.say(bob, "left out"))
        await open_page.shows(await scene.say(bob, "heard"))
        await scene.service.assert_fresh(open_page.page)
        assert open_page.relay.recoveries == []
