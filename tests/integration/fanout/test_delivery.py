"""Whether publications come in time, as browsers are told."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.settings import Settings
from projections.fanout import lane_table as lanes
from tests.integration.conftest import StartServer
from tests.support.conditions import eventually
from tests.support.people import Person


@pytest.fixture
async def psql(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


async def is_late(person: Person) -> bool:
    """What `GET /api/delivery/` says."""
    answer = await person.get("/api/delivery/")
    assert answer.status == 200, answer.raw
    return bool(answer.body["is_late"])


async def test_publications_are_late_while_the_fanout_is_paused_and_in_time_again_afterwards(
    ada: Person, psql: asyncpg.Connection
) -> None:
    await ada.open_room("Engines")
    assert not await is_late(ada)
    await lanes.pause(psql)
    await eventually(lambda: is_late(ada))
    await lanes.resume(psql)

    async def is_in_time() -> bool:
        return not await is_late(ada)

    await eventually(is_in_time)


async def test_publications_are_late_where_a_lane_has_failed(ada: Person, psql: asyncpg.Connection) -> None:
    await psql.execute("UPDATE fanout_lanes SET failed_position = 1, failed_reason = 'refused'")
    await eventually(lambda: is_late(ada))


async def test_publications_are_late_once_an_event_has_waited_for_seconds(start_server: StartServer) -> None:
    server = await start_server(fanout="no")
    async with Person(server.make_url("/")) as eve:
        await eve.sign_up("eve")
        assert not await is_late(eve)
        await eve.open_room("Unheard")
        await eventually(lambda: is_late(eve), timeout_s=15)
