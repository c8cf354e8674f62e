"""Statistics of the log, computed by the database."""

from msgspec import Struct

from eventstore.log import OCCURRED_AT, TABLE
from eventstore.values import Position
from postgres.database import Database

SHORTEST_AND_LONGEST = f"""
SELECT
    count(*) AS streams, coalesce(sum(events), 0)::bigint AS events, coalesce(max(position), 0) AS position,
    coalesce(min(events), 0) AS shortest, coalesce(max(events), 0) AS longest,
    coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY events), 0) AS median
FROM (
    SELECT count(*) AS events, max(notification_id) AS position FROM {TABLE} GROUP BY originator_id
) AS streams
"""

BY_TYPE = f"SELECT topic, count(*) FROM {TABLE} GROUP BY topic ORDER BY count DESC, topic"

MOMENTS = f"WITH moments AS (SELECT {OCCURRED_AT} AT TIME ZONE 'UTC' AS moment FROM {TABLE})"
BY_DAY = f"{MOMENTS} SELECT moment::date::text, count(*) FROM moments WHERE moment IS NOT NULL GROUP BY 1 ORDER BY 1"
RATES = f"""{MOMENTS}
SELECT
    count(*) FILTER (WHERE moment > now() AT TIME ZONE 'UTC' - interval '1 minute') / 60.0::float8 AS minute,
    count(*) FILTER (WHERE moment > now() AT TIME ZONE 'UTC' - interval '1 hour') / 3600.0::float8 AS hour
FROM moments
"""
BYTES = f"SELECT pg_total_relation_size('{TABLE}')"
ROOMS = f"SELECT count(*) FROM {TABLE} WHERE topic = 'room_opened'"


class Streams(Struct, frozen=True):
    """How many streams there are, and how many events they hold."""

    count: int
    shortest: int
    median: int
    longest: int


class Rates(Struct, frozen=True):
    """Events appended a second, over the last minute and the last hour."""

    last_minute: float
    last_hour: float


class Stats(Struct, frozen=True):
    """Statistics of the log. Days are UTC and skip events without a time. Bytes are on disk, with indexes."""

    position: Position
    events: int
    rooms: int
    bytes: int
    events_per_second: Rates
    streams: Streams
    by_type: dict[str, int]
    by_day: dict[str, int]


async def read_stats(database: Database) -> Stats:
    """Count everything in one snapshot. Reads the whole log, without blocking live traffic."""
    async with database.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        (lengths,) = await connection.fetch(SHORTEST_AND_LONGEST)
        (rates,) = await connection.fetch(RATES)
        return Stats(
            position=lengths["position"],
            events=lengths["events"],
            rooms=await connection.fetchval(ROOMS),
            bytes=await connection.fetchval(BYTES),
            events_per_second=Rates(rates["minute"], rates["hour"]),
            streams=Streams(lengths["streams"], lengths["shortest"], lengths["median"], lengths["longest"]),
            by_type=dict(await connection.fetch(BY_TYPE)),
            by_day=dict(await connection.fetch(BY_DAY)),
        )
