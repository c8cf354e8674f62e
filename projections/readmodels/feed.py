"""The feed: the next events of a user's stays beyond a position, across rooms, in the order of the log.

Only their places are looked for; words are read of those alone that are found. First the next positions of the log are
read through. Where these are not all and hold too few events of the user, the rooms are looked at: versions and
positions rise together, so a few looks at a stream find its first event beyond the position, and no index of the
positions in each stream is needed.
"""

from eventstore.checkpoints import position_of
from eventstore.log import COLUMNS, TABLE
from eventstore.words import TABLE as WORDS
from eventstore.words import join
from projections.readmodels.projection import RoomsProjection

NEXT = 1000
"""So many positions are read through, whoever the events are of."""

USER, AFTER, LIMIT = "(SELECT $1::bigint)", "(SELECT $2::bigint)", "(SELECT $3::bigint)"
"""SQL: the parameters, hidden from the planner, which would plan for each value anew, and for longer than the statement
takes.
"""

PROJECTION = f"'{RoomsProjection.name}'"

# A stay's events lie between two positions: no event from outside the user's stays is read. Who is no longer in a room
# that is not public is told of their leaving, and of nothing else.
STAYS = f"""
    SELECT
        stay.room_id,
        CASE WHEN told.all THEN stay.joined_version ELSE stay.left_version END AS first_version,
        CASE WHEN told.all THEN stay.joined_position ELSE stay.left_position END AS first_position,
        coalesce(stay.left_version, rooms.version) AS last_version,
        coalesce(stay.left_position, rooms.position) AS last_position
    FROM memberships AS stay JOIN rooms ON rooms.room_id = stay.room_id AND rooms.position > {AFTER}
    CROSS JOIN LATERAL (
        SELECT stay.left_position IS NULL OR rooms.visibility = 'public' OR EXISTS (
            SELECT FROM memberships AS present
            WHERE present.room_id = stay.room_id AND present.user_id = {USER} AND present.left_version IS NULL
        ) AS all
    ) AS told
    WHERE stay.user_id = {USER} AND (stay.left_position IS NULL OR stay.left_position > {AFTER})
"""


def events_of(found: str, *, is_all: str) -> str:
    """SQL: the head, and the events at the positions in the CTE `found`."""
    return f"""
WITH RECURSIVE head AS (SELECT {position_of(PROJECTION)} AS position), {found}
SELECT head.position, {is_all} AS is_all, event.*
FROM head LEFT JOIN LATERAL (
    SELECT {", ".join(f"{TABLE}.{column}" for column in COLUMNS)}, {WORDS}.content, {WORDS}.client_id
    FROM found JOIN {TABLE} ON notification_id = found.position {join("originator_id", "originator_version")}
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
    CROSS JOIN LATERAL ({STAYS} AND stay.room_id = room.room_id OFFSET 0) AS stay
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
    SELECT room_id, high AS version, last_version FROM search WHERE high - low = 1 ORDER BY position LIMIT {LIMIT}
), marks AS (
    -- In each stream the first, second, fourth, eighth … event: with each come so many since the one before.
    SELECT nearest.*, place, place - place / 2 AS events, event.position
    FROM nearest CROSS JOIN (SELECT 1::bigint << power AS place FROM generate_series(0, 10) AS power) AS mark
    {looked_at("room_id", "version + place - 1")}
    WHERE place <= {LIMIT} AND version + place - 1 <= last_version
), enough AS (
    SELECT coalesce(min(position), {2**63 - 1}) AS position
    FROM (SELECT position, sum(events) OVER (ORDER BY position) AS events FROM marks) AS counted WHERE events >= {LIMIT}
), streams AS (
    SELECT room_id, version, least(2 * max(place) - 1, last_version - version + 1, {LIMIT}) AS events
    FROM marks WHERE position <= (SELECT position FROM enough) GROUP BY room_id, version, last_version
), found AS (
    SELECT event.* FROM streams CROSS JOIN LATERAL (
        SELECT notification_id AS position FROM {TABLE}
        WHERE originator_id = room_id AND originator_version >= version AND originator_version < version + events
        ORDER BY originator_version LIMIT {LIMIT}
    ) AS event
    ORDER BY event.position LIMIT {LIMIT}
)
"""

AMONG_NEXT = events_of(
    FOUND_AMONG_NEXT, is_all=f"head.position <= {AFTER} + $4 OR (SELECT count(*) FROM found) >= {LIMIT}"
)
BY_ROOM = events_of(FOUND_BY_ROOM, is_all="true")
