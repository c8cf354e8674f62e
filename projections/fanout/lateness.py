"""Whether events reach the channels in time. Browsers ask, so that no page says "Live" while nothing is published."""

import asyncio
import time
from datetime import timedelta

from eventstore.log import OCCURRED_AT, TABLE
from postgres.database import Database

LATE_AFTER = timedelta(seconds=5)
"""An event that waits longer for its publications is late."""

KEEP_S = 1.0
"""How long an answer is cached, so that the load on the database does not grow with the number of browsers."""

IS_LATE = f"""
SELECT coalesce(bool_or(
    paused OR failed_position IS NOT NULL OR (
        SELECT {OCCURRED_AT} FROM {TABLE} WHERE notification_id > fanout_lanes.position
        ORDER BY notification_id LIMIT 1
    ) < now() - $1::interval
), false)
FROM fanout_lanes
"""


class Lateness:
    """Asks the lanes, whichever processes hold them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = asyncio.Lock()
        self._is_late = False
        self._asked_at = float("-inf")

    async def is_late(self) -> bool:
        """Whether a lane is paused, stopped by a failure, or behind by more than five seconds."""
        async with self._asking:
            if time.monotonic() - self._asked_at > KEEP_S:
                self._is_late = bool(await self._database.fetchval(IS_LATE, LATE_AFTER))
                self._asked_at = time.monotonic()
        return self._is_late
