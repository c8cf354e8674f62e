"""Each kind of event, with each mishap on its way to a page."""

import itertools
from collections.abc import AsyncIterator
from functools import partial
from typing import get_args

import asyncpg
import pytest
import pytest_asyncio

from tests.support.conditions import eventually
from tests.support.happenings.admission import ADMISSION
from tests.support.happenings.decisions import DECISIONS
from tests.support.happenings.erasures import ERASURES
from tests.support.happenings.messages import MESSAGES
from tests.support.happenings.moves import MOVES
from tests.support.happenings.scene import Happening, Scene
from tests.support.lanes_under_test import TURN_COLD
from tests.support.live_service import HISTORY, Service, done, give_role, leave_all, new_room
from tests.support.realtime.relay import Fate, relay_to

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
    async with relay_to(service.websocket_url) as relay:
        page = await service.desk.open(ada, f"/rooms/{room}/", relay.url)
        yield Scene(service, room, elsewhere, relay, page)
        await page.close()
    await leave_all(ada)


EVENTS = {**MOVES, **MESSAGES, **ERASURES, **DECISIONS, **ADMISSION}
"""What can happen, and the publications that tell the owner of the page of it."""

FORGETTING = {"content_erased", "user_erased"}
"""After these, no channel remembers what was published before."""

every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)


@every_event
@pytest.mark.parametrize("fate", FATES)
async def test_a_page_equals_a_fresh_one_after(scene: Scene, event: Happening, fate: Fate) -> None:
    scene.relay.fates = itertools.chain(itertools.repeat(fate, len(EVENTS[event])), itertools.repeat("delivered"))
    await event(scene)
    await scene.go_on()
    await scene.assert_fresh()
    assert scene.relay.recoveries == []


@every_event
@pytest.mark.parametrize(("events_after", "is_recovered"), [(0, True), (HISTORY, False)], ids=["briefly", "for long"])
async def test_a_page_equals_a_fresh_one_after_it_was_cut_off(
    scene: Scene, event: Happening, events_after: int, is_recovered: bool
) -> None:
    scene.relay.cut()
    await event(scene)
    for _ in range(events_after):
        await scene.go_on()
    await scene.service.published()
    scene.relay.mend()
    await scene.assert_fresh()
    recoveries = [is_recovered and FORGETTING.isdisjoint(EVENTS[event])]
    await eventually(partial(recovered, scene, recoveries))  # polling may have brought the page up to date before


async def recovered(scene: Scene, recoveries: list[bool]) -> bool:
    return scene.relay.recoveries == recoveries


@pytest.mark.parametrize("fate", ["delivered", "doubled"])
async def test_a_page_that_hears_of_a_pause_receives_everything_again(scene: Scene, fate: Fate) -> None:
    ada, bob, _ = scene.people
    database = await asyncpg.connect(scene.service.dsn)
    await database.execute(TURN_COLD, ada.user["id"])
    await database.close()
    scene.relay.fates = itertools.repeat(fate)
    await scene.shows(await scene.say(bob, "left out"))
    await scene.shows(await scene.say(bob, "heard"))
    await scene.assert_fresh()
    assert scene.relay.recoveries == []
