"""The feed: the next events of a user's stays beyond a position, across rooms, in the order of the log.

Only their places are looked for; words are read of those alone that are found. First some of the next positions of the
log are read through. Where many of these are the user's, so are the next ones. Where few are, the rooms are looked at:
versions and positions rise together, so a few looks at a stream find its first event beyond the position, and no index
of the positions in each stream is needed.
"""

import asyncpg

from domain.values import UserId
from eventstore.checkpoints import position_of
from eventstore.log import TABLE
from eventstore.values import Position
from postgres.database import Database
from projections.readmodels.discussion.plain_messages import TOLD, WITH_WORDS
from projections.readmodels.projection import RoomsProjection

FIRST, NEXT = 100, 1000
"""How many positions are read through at first, or as many as the answer may have events; and how many then at most."""

PAGES = 4
"""So often at most."""

USER, AFTER, LIMIT = "(SELECT $1::bigint)", "(SELECT $2::bigint)", "(SELECT $3::bigint)"
"""SQL: the parameters, hidden from the planner, which would plan for each value anew, and for longer than the statement
takes.
"""

PROJECTION = f"'{RoomsProjection.name}'"

# Who is no longer in a room that is not public is told of their leaving, and of nothing else.
IS_TOLD_ALL = f"""(
    stay.left_position IS NULL
    OR (SELECT visibility FROM rooms WHERE rooms.room_id = stay.room_id) = 'public'
    OR EXISTS (
        SELECT FROM memberships AS present
        WHERE present.room_id = stay.room_id AND present.user_id = {USER} AND present.left_version IS NULL
    )
)"""

# A stay's events lie between two positions: no event from outside the user's stays is read.
STAYS = f"""
    SELECT
        stay.room_id,
        CASE WHEN told.all THEN stay.joined_version ELSE stay.left_version END AS first_version,
        CASE WHEN told.all THEN stay.joined_position ELSE stay.left_position END AS first_position,
        coalesce(stay.left_version, rooms.version) AS last_version,
        coalesce(stay.left_position, rooms.position) AS last_position
    FROM memberships AS stay JOIN rooms ON rooms.room_id = stay.room_id AND rooms.position > {AFTER}
    CROSS JOIN LATERAL (SELECT {IS_TOLD_ALL} AS all) AS told
    WHERE stay.user_id = {USER} AND (stay.left_position IS NULL OR stay.left_position > {AFTER})
"""


def events_of(found: str) -> str:
    """SQL: the head, and the events at the positions in the CTE `found`."""
    return f"""
WITH RECURSIVE head AS (SELECT {position_of(PROJECTION)} AS position), {found}
SELECT head.position, event.*
FROM head LEFT JOIN LATERAL (
    SELECT {TOLD} FROM found JOIN {TABLE} ON notification_id = found.position {WITH_WORDS}
    ORDER BY notification_id LIMIT {LIMIT}
) AS event ON true
ORDER BY event.notification_id
"""


# `$4`: how many.
FOUND_AMONG_NEXT = f"""
places AS MATERIALIZED (
    SELECT notification_id AS position, originator_id AS room_id FROM {TABLE}
    WHERE notification_id > {AFTER} AND notification_id <= least({AFTER} + $4::bigint, (SELECT position FROM head))
), found AS (
    SELECT places.position
    FROM (SELECT DISTINCT room_id FROM places) AS room
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN {IS_TOLD_ALL} THEN stay.joined_position ELSE stay.left_position END AS first_position,
            coalesce(stay.left_position, {2**63 - 1}) AS last_position
        FROM memberships AS stay
        WHERE stay.room_id = room.room_id AND stay.user_id = {USER}
            AND (stay.left_position IS NULL OR stay.left_position > {AFTER})
        OFFSET 0
    ) AS stay
    JOIN places ON places.room_id = room.room_id AND places.position BETWEEN stay.first_position AND stay.last_position
    ORDER BY places.position LIMIT {LIMIT}
)
"""


def looked_at(stream: str, version: str) -> str:
    """SQL: joins the position of one event, as `event`."""
    return f"""CROSS JOIN LATERAL (
        SELECT notification_id AS position FROM {TABLE}
        WHERE originator_id = {stream} AND originator_version = {version} LIMIT 1
    ) AS event"""


FOUND_BY_ROOM = f"""
search AS (
    -- `low` is the last known version up to the position, `high` the first known one beyond it. Looked at first is the
    -- one before the newest; then, in turns, where the position would be if events came evenly, and the middle.
    SELECT
        room_id, last_version, 0 AS looks,
        CASE WHEN first_position > {AFTER} THEN first_version - 1 ELSE first_version END AS low,
        CASE WHEN first_position > {AFTER} THEN first_version ELSE last_version END AS high,
        first_position AS low_position,
        CASE WHEN first_position > {AFTER} THEN first_position ELSE last_position END AS position
    FROM ({STAYS}) AS stay
    UNION ALL
    SELECT
        room_id, last_version, looks + 1,
        CASE WHEN event.position > {AFTER} THEN low ELSE version END,
        CASE WHEN event.position > {AFTER} THEN version ELSE high END,
        CASE WHEN event.position > {AFTER} THEN low_position ELSE event.position END,
        CASE WHEN event.position > {AFTER} THEN event.position ELSE asked.position END
    FROM (
        SELECT *, CASE
            WHEN looks = 0 THEN high - 1
            WHEN looks % 2 = 0 THEN (low + high) / 2
            ELSE low + 1 + ((high - low - 2) * (({AFTER} - low_position)::float / (position - low_position)))::bigint
        END AS version
        FROM search WHERE high - low > 1
    ) AS asked
    {looked_at("room_id", "version")}
), nearest AS (
    SELECT room_id, high AS version, last_version, position FROM search WHERE high - low = 1
    ORDER BY position LIMIT {LIMIT}
), marks AS (
    -- In each stream the first, second, fourth, eighth … event: with each come so many since the one before.
    SELECT room_id, version, last_version, 1::bigint AS place, 1::bigint AS events, position FROM nearest
    UNION ALL
    SELECT room_id, version, last_version, place, place - place / 2, event.position
    FROM nearest CROSS JOIN (SELECT 1::bigint << power AS place FROM generate_series(1, 10) AS power) AS mark
    {looked_at("room_id", "version + place - 1")}
    WHERE last_version > version AND place <= {LIMIT} AND version + place - 1 <= last_version
), enough AS (
    SELECT coalesce(min(position), {2**63 - 1}) AS position
    FROM (SELECT position, sum(events) OVER (ORDER BY position) AS events FROM marks) AS counted WHERE events >= {LIMIT}
), streams AS (
    SELECT room_id, version, least(2 * max(place) - 1, last_version - version + 1, {LIMIT}) AS events
    FROM marks WHERE position <= (SELECT position FROM enough) GROUP BY room_id, version, last_version
), found AS (
    SELECT position FROM marks WHERE place = 1 AND position <= (SELECT position FROM enough)
    UNION ALL
    SELECT event.position FROM streams CROSS JOIN LATERAL (
        SELECT notification_id AS position FROM {TABLE}
        WHERE originator_id = room_id AND originator_version > version AND originator_version < version + events
        ORDER BY originator_version LIMIT {LIMIT}
    ) AS event
    WHERE events > 1
    ORDER BY position LIMIT {LIMIT}
)
"""

AMONG_NEXT = events_of(FOUND_AMONG_NEXT)
BY_ROOM = events_of(FOUND_BY_ROOM)


async def read(
    user_id: UserId, *, after: Position, limit: int, database: Database
) -> tuple[list[asyncpg.Record], Position]:
    """The rows of the user's next events, ascending, with the columns `TOLD`, at most `limit`; and the head."""
    found: list[asyncpg.Record] = []
    start, pages, positions = int(after), 0, max(FIRST, limit)
    while pages < PAGES and positions <= NEXT:
        head = await _extend(found, AMONG_NEXT, user_id, start, limit, positions, database=database)
        start, pages = start + positions, pages + 1
        if len(found) == limit or head <= start:
            return found, head
        share = len(found) / (start - after)
        positions = int(1.25 * (limit - len(found)) / share) + 1 if share else NEXT + 1
    return found, await _extend(found, BY_ROOM, user_id, start, limit, database=database)


async def _extend(
    found: list[asyncpg.Record],
    statement: str,
    user_id: UserId,
    after: int,
    limit: int,
    *more: int,
    database: Database,
) -> Position:
    """Add the next events beyond `after`, so that there are `limit` at most; returns the head."""
    rows = await database.fetch(statement, user_id, after, limit - len(found), *more)
    found += [row for row in rows if row["notification_id"] is not None]
    return Position(rows[0]["position"])
