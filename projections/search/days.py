"""Where in the log a moment is: events are in the order in which they happened, as far as clocks agree."""

from datetime import datetime, timedelta

from eventstore.log import LAST_POSITION, OCCURRED_AT, TABLE
from eventstore.values import Position
from postgres.database import Database
from projections.readmodels.inline import LOG_TOPICS

CLOCKS_DIFFER = timedelta(hours=1)
"""By no more than this. What a search finds is compared with the moment itself as well."""

# Halves what is left until nothing is: all up to `low` is earlier, and nothing beyond `high`.
LAST_BEFORE = f"""
WITH RECURSIVE halved (low, high) AS (
    SELECT 0::bigint, ({LAST_POSITION})
    UNION ALL
    SELECT
        CASE WHEN middle.is_earlier THEN middle.position ELSE low END,
        CASE WHEN middle.is_earlier THEN high ELSE (low + high) / 2 END
    FROM halved LEFT JOIN LATERAL (
        SELECT notification_id AS position, notification_id <= high AND {OCCURRED_AT} < $1 AS is_earlier
        FROM {TABLE} WHERE notification_id > (low + high) / 2 AND topic = ANY($2)
        ORDER BY notification_id LIMIT 1
    ) AS middle ON true
    WHERE low < high
)
SELECT max(low) FROM halved
"""


async def last_before(moment: datetime, database: Database) -> Position:
    """The position of the last event before a moment; 0 if there is none."""
    return Position(await database.fetchval(LAST_BEFORE, moment, list(LOG_TOPICS)))


async def bounds(
    since: datetime | None, until: datetime | None, database: Database
) -> tuple[Position, Position | None]:
    """Beyond which position, and up to which, all is that happened from `since` on and before `until`."""
    after = await last_before(since - CLOCKS_DIFFER, database) if since is not None else Position(0)
    to = await last_before(until + CLOCKS_DIFFER, database) if until is not None else None
    return after, to
