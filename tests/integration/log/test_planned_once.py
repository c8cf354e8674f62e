"""A statement of many joins is planned once, not for each event that is fetched: plans take longer than answers."""

import asyncpg

from projections.readmodels.bodies import ROOMS_AT
from tests.support.given_when_then import ADA
from tests.support.store import open_store

TRIED = 5
"""So often PostgreSQL makes a plan for one call, before it compares these with one for all calls."""

AS_OF_A_LONG_LOG = {"jit": "off", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
"""Small tables are looked up by their indexes too, as large ones are."""

PLANS = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"


async def test_rooms_around_events_are_read_by_one_plan(database_url: str) -> None:
    async with open_store(database_url) as store:
        room = await store.open_room(by=ADA)
        await store.say(room, "Hello.")
    connection = await asyncpg.connect(database_url, server_settings=AS_OF_A_LONG_LOG)
    for _ in range(2 * TRIED):
        await connection.fetch(ROOMS_AT, [room], [2])
    assert tuple(await connection.fetchrow(PLANS, ROOMS_AT)) == (TRIED, TRIED)
    await connection.close()
