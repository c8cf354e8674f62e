"""(i) How fast a lane that is far behind catches up: with no warm members, and with 32."""

import time
from datetime import timedelta

from benchmarks.history import copy_history
from benchmarks.server import postgres
from benchmarks.tables import table
from tests.support.lanes_under_test import Server, published_to, publishing
from tests.support.store import Store, open_store

EVENTS = 100_000
WARM = (0, 32)

# Members of today, one from each of the rooms in turn, so that what is published is spread over the log.
MAKE_WARM = """
INSERT INTO leases (user_id, warm_until)
SELECT user_id, now() + $2::interval FROM (
    SELECT DISTINCT ON (room_id) room_id, user_id FROM memberships
    WHERE left_version IS NULL ORDER BY room_id, joined_version DESC
) AS newest GROUP BY user_id LIMIT $1
"""
BEGIN_AT_THE_START = "UPDATE fanout_lanes SET position = 0"


async def run() -> None:
    rows = []
    async with postgres() as dsn:
        await copy_history(dsn, EVENTS)
        async with open_store(dsn, timeout_s=600.0) as store:
            for warm in WARM:
                await store.database.execute(MAKE_WARM, warm, timedelta(hours=1))
                seconds, publications = await _catch_up(dsn, store)
                rows.append((warm, f"{EVENTS / seconds:,.0f}", f"{publications:,}"))
    table(f"A lane {EVENTS:,} events behind, embedded hub", ("warm members", "events/s", "publications"), rows)


async def _catch_up(dsn: str, store: Store) -> tuple[float, int]:
    """Seconds until the lane is at the end of the log, and the publications it made."""
    await store.database.execute(BEGIN_AT_THE_START)
    started = time.perf_counter()
    async with publishing(dsn, store, Server(), all_warm=False) as fanout:
        await published_to(dsn, EVENTS, timeout_s=600)
        return time.perf_counter() - started, fanout.counts.publications
