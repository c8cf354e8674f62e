"""Queries of the read models. Each is one statement and returns the position that it reflects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import asyncpg

from domain.names import name_key
from domain.values import RoomId, UserId
from eventstore.checkpoints import position_of
from eventstore.generation import NotInLog
from eventstore.log import TABLE, Log
from eventstore.values import Position, Version
from postgres.calls import unseen
from postgres.database import Database
from projections.readmodels import feed
from projections.readmodels.admission.readable import Readable, readable, readable_by
from projections.readmodels.bodies import PEOPLE, Bodies, last_columns, of_last, room_summary
from projections.readmodels.discussion import plain_messages
from projections.readmodels.discussion.message_rows import STORED, extras, message_columns, message_of, text
from projections.readmodels.discussion.plain_messages import TOLD, WITH_WORDS
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.shapes import Message, RoomEvents, RoomFound, RoomSummary, StreamEvent, timestamp
from projections.readmodels.words import COMPARED_NAME, NAME, NAME_KEY, NAMED, TITLED, TOPIC_COLUMNS, shown

T = TypeVar("T")

PAGE = 100
"""Results on a numbered page."""

PROJECTION = f"'{RoomsProjection.name}'"
POSITION = f"{position_of(PROJECTION)} AS position"

BEGINNING = 400
"""Characters of a last message, of which a list shows fewer: its marks of markup are left out."""


def room_columns(beginning: int | None = None) -> str:
    """SQL: the columns of a room, for `room_summary`; of its last message all words, or so many characters."""
    return f"""
    rooms.room_id, {NAME} AS name, rooms.version, rooms.bumped_at, rooms.member_count,
    rooms.visibility, rooms.open_from, {PEOPLE},
    {TOPIC_COLUMNS}, rooms.is_archived,
    {last_columns(beginning)}
"""


def name_and_last_message(stay: str) -> str:
    """SQL: joins the name of a room, and its last message if it may be read in the present stay, which a row has."""
    return f"""
{NAMED}
{TITLED}
LEFT JOIN messages AS last ON last.room_id = rooms.room_id AND last.version = rooms.last_message_version
    AND last.version >= {stay}.reads_from
{of_last()}
"""


def rooms_of(total: str, which: str, beginning: int | None = None) -> str:
    """SQL: the rooms of a user, latest bumped first; `which` of them, with an expression for how many there are."""
    return f"""
SELECT head.position, rooms.total, {room_columns(beginning)}
FROM (SELECT {POSITION}) AS head
LEFT JOIN (
    SELECT rooms.*, listed.reads_from, listed.total
    FROM (
        SELECT room_id, memberships.reads_from, {total} AS total
        FROM memberships JOIN rooms USING (room_id)
        WHERE memberships.user_id = {unseen("$1::bigint")} AND memberships.left_version IS NULL
        ORDER BY bumped_at DESC, room_id {which}
    ) AS listed JOIN rooms USING (room_id)
) AS rooms ON true
{name_and_last_message("rooms")}
ORDER BY rooms.bumped_at DESC, rooms.room_id
"""


ROOMS = rooms_of("count(*) OVER ()", f"LIMIT {PAGE} OFFSET $2")
NEWEST_ROOMS = rooms_of("NULL::bigint", f"LIMIT {unseen('$2::bigint')}", BEGINNING)

ROOM = f"""
SELECT head.position, {room_columns()}
FROM (SELECT {POSITION}) AS head
LEFT JOIN (
    rooms JOIN memberships ON memberships.room_id = rooms.room_id AND memberships.left_version IS NULL
) ON rooms.room_id = $2 AND memberships.user_id = $1
{name_and_last_message("memberships")}
"""

SEARCH = f"""
SELECT head.position, coalesce({shown("named", "rooms.name_in_row")}, '') AS name, rooms.*
FROM (SELECT {POSITION}) AS head
LEFT JOIN (
    SELECT
        rooms.room_id, rooms.name AS name_in_row, rooms.name_version, {NAME_KEY} AS key, rooms.opened_at,
        count(*) OVER () AS total,
        EXISTS (
            SELECT FROM memberships
            WHERE memberships.room_id = rooms.room_id AND user_id = $1 AND left_version IS NULL
        ) AS is_member
    FROM rooms {COMPARED_NAME} WHERE rooms.visibility = 'public' AND strpos({NAME_KEY}, $2) > 0
    ORDER BY key, room_id LIMIT {PAGE} OFFSET $3
) AS rooms ON true
{NAMED}
ORDER BY rooms.key, rooms.room_id
"""

RANGES = readable("head.room_id", "$1")
"""SQL: what the user who asks may read of the room in `head`."""

# Who may read all messages, as most may, has no need to count them.
MEMBER_HEAD = f"""
    SELECT {POSITION}, rooms.room_id, rooms.version AS room_version,
        CASE WHEN memberships.reads_from = 1 THEN rooms.message_count ELSE (
            SELECT count(*) FROM {readable("rooms.room_id", "$1")} AS stay
            JOIN messages ON messages.room_id = rooms.room_id AND messages.version BETWEEN stay.since AND stay.until
        ) END AS message_count
    FROM (SELECT) AS always
    LEFT JOIN (
        rooms JOIN memberships ON memberships.room_id = rooms.room_id AND memberships.left_version IS NULL
    ) ON rooms.room_id = $2 AND memberships.user_id = $1
"""


def of_message(at: str | None = None) -> str:
    """SQL: joins what a message says, now or at a version, what was done about it, and its author."""
    return f"{text('message', at)} {extras('message', at)} LEFT JOIN users ON users.user_id = message.user_id"


MESSAGES = f"""
SELECT
    head.position, head.room_id AS of_room, head.message_count,
    {message_columns("message")}
FROM ({MEMBER_HEAD}) AS head
LEFT JOIN LATERAL (
    SELECT message.* FROM {RANGES} AS stay CROSS JOIN LATERAL (
        SELECT {STORED} FROM messages
        WHERE messages.room_id = head.room_id AND version BETWEEN stay.since AND stay.until
        ORDER BY version DESC LIMIT {PAGE} + $3::bigint
    ) AS message
    ORDER BY version DESC LIMIT {PAGE} OFFSET $3
) AS message ON true
{of_message()}
ORDER BY message.version DESC
"""


def messages_before(at: str | None = None) -> str:
    """SQL: the newest messages below a version; as they are now, or were at a version."""
    return f"""
SELECT
    head.position, head.room_id AS of_room, head.message_count,
    {message_columns("message", at)}
FROM ({MEMBER_HEAD}) AS head
LEFT JOIN LATERAL (
    SELECT message.* FROM {RANGES} AS stay CROSS JOIN LATERAL (
        SELECT {STORED} FROM messages
        WHERE messages.room_id = head.room_id AND version BETWEEN stay.since AND stay.until AND version < $3
        ORDER BY version DESC LIMIT $4
    ) AS message
    ORDER BY version DESC LIMIT $4
) AS message ON true
{of_message(at)}
ORDER BY message.version DESC
"""


MESSAGES_BEFORE, MESSAGES_BEFORE_AT = messages_before(), messages_before("$5::bigint")

MESSAGES_FROM = f"""
SELECT
    head.position, head.room_id AS of_room, head.message_count,
    {message_columns("message")}
FROM ({MEMBER_HEAD}) AS head
LEFT JOIN LATERAL (
    SELECT message.* FROM {RANGES} AS stay CROSS JOIN LATERAL (
        SELECT {STORED} FROM messages
        WHERE messages.room_id = head.room_id AND version BETWEEN stay.since AND stay.until AND version >= $3
        ORDER BY version LIMIT $4
    ) AS message
    ORDER BY version LIMIT $4
) AS message ON true
{of_message()}
ORDER BY message.version
"""

FIRST_SINCE = f"""
SELECT head.room_id, (
    SELECT min(message.version) FROM {RANGES} AS stay CROSS JOIN LATERAL (
        SELECT version FROM messages
        WHERE messages.room_id = head.room_id AND version BETWEEN stay.since AND stay.until AND posted_at >= $3
        ORDER BY version LIMIT 1
    ) AS message
) AS version
FROM ({MEMBER_HEAD}) AS head
"""

EVENTS = f"""
SELECT head.position, head.room_id, head.room_version, event.*
FROM ({MEMBER_HEAD}) AS head
LEFT JOIN LATERAL (
    SELECT event.* FROM {RANGES} AS stay CROSS JOIN LATERAL (
        SELECT {TOLD} FROM {TABLE} {WITH_WORDS} WHERE originator_id = head.room_id
            AND originator_version > $3
            AND originator_version BETWEEN stay.since AND least(stay.until, head.room_version)
        ORDER BY originator_version LIMIT $4
    ) AS event
    ORDER BY originator_version LIMIT $4
) AS event ON true
ORDER BY event.originator_version
"""


@dataclass(frozen=True, slots=True)
class AtPosition(Generic[T]):
    """A value, and the log position that it reflects."""

    value: T
    position: Position


@dataclass(frozen=True, slots=True)
class ResultPage(Generic[T]):
    """One page of results; `count` is the total of all pages."""

    count: int
    results: list[T]


class Queries:
    """What a user may read. The first argument is the user who asks."""

    def __init__(self, database: Database, log: Log, bodies: Bodies) -> None:
        self._database = database
        self._log = log
        self._bodies = bodies

    async def rooms(self, user_id: UserId, *, page: int) -> AtPosition[ResultPage[RoomSummary] | None]:
        """The rooms of a user, latest bumped first; None for a page (from 1) beyond the last."""
        rows = await self._database.fetch(ROOMS, user_id, offset(page))
        found = [row for row in rows if row["room_id"] is not None]
        return AtPosition(numbered([room_summary(row) for row in found], found, page), rows[0]["position"])

    async def newest_rooms(self, user_id: UserId, *, limit: int) -> AtPosition[list[RoomSummary]]:
        """The first rooms of a user, latest bumped first, with the beginnings of their last messages."""
        rows = await self._database.fetch(NEWEST_ROOMS, user_id, limit)
        return AtPosition([room_summary(row) for row in rows if row["room_id"] is not None], rows[0]["position"])

    async def room(self, user_id: UserId, room_id: RoomId) -> AtPosition[RoomSummary]:
        """A room that the user is a member of. Raises NotInRoom."""
        row = (await self._database.fetch(ROOM, user_id, room_id))[0]
        if row["room_id"] is None:
            raise NotInRoom
        return AtPosition(room_summary(row), row["position"])

    async def search(self, user_id: UserId, text: str, *, page: int) -> AtPosition[ResultPage[RoomFound] | None]:
        """Public rooms whose name contains `text`, by name; all for an empty text. None for a page beyond the last."""
        rows = await self._database.fetch(SEARCH, user_id, name_key(text), offset(page))
        found = [row for row in rows if row["room_id"] is not None]
        return AtPosition(numbered([room_found(row) for row in found], found, page), rows[0]["position"])

    async def readable(self, user_id: UserId, room_id: RoomId) -> Readable:
        """The versions of a room that a member may read. The caller knows that the user is one."""
        return await readable_by(user_id, room_id, self._database)

    async def messages(self, user_id: UserId, room_id: RoomId, *, page: int) -> AtPosition[ResultPage[Message] | None]:
        """Messages of a room, newest first. Raises NotInRoom; None for a page beyond the last."""
        rows = await self._database.fetch(MESSAGES, user_id, room_id, offset(page))
        if rows[0]["of_room"] is None:
            raise NotInRoom
        results = messages(rows)
        found = ResultPage(rows[0]["message_count"], results) if results or page == 1 else None
        return AtPosition(found, rows[0]["position"])

    async def messages_before(
        self, user_id: UserId, room_id: RoomId, *, before: Version, limit: int, at: Version | None = None
    ) -> AtPosition[ResultPage[Message]]:
        """The newest `limit` messages with ids below `before`, newest first; as they were at a version, or are now.

        Raises NotInRoom.
        """
        if at is not None:
            rows = await self._database.fetch(MESSAGES_BEFORE_AT, user_id, room_id, before, limit, at)
        else:
            rows = await self._database.fetch(MESSAGES_BEFORE, user_id, room_id, before, limit)
        if rows[0]["of_room"] is None:
            raise NotInRoom
        return AtPosition(ResultPage(rows[0]["message_count"], messages(rows)), rows[0]["position"])

    async def messages_from(
        self, user_id: UserId, room_id: RoomId, *, since: Version, limit: int
    ) -> AtPosition[list[Message]]:
        """The oldest `limit` messages with ids from `since` on, ascending. Raises NotInRoom."""
        rows = await self._database.fetch(MESSAGES_FROM, user_id, room_id, since, limit)
        if rows[0]["of_room"] is None:
            raise NotInRoom
        return AtPosition(messages(rows), rows[0]["position"])

    async def first_since(self, user_id: UserId, room_id: RoomId, since: datetime) -> Version | None:
        """The first message that was posted at a time or after it. Raises NotInRoom."""
        row = (await self._database.fetch(FIRST_SINCE, user_id, room_id, since))[0]
        if row["room_id"] is None:
            raise NotInRoom
        return None if row["version"] is None else Version(row["version"])

    async def events(self, user_id: UserId, room_id: RoomId, *, after: Version, limit: int) -> AtPosition[RoomEvents]:
        """The events of a room beyond version `after` that the user may read, ascending. Raises NotInRoom, and NotInLog
        beyond the last.
        """
        rows = await self._database.fetch(EVENTS, user_id, room_id, after, limit)
        if rows[0]["room_id"] is None:
            raise NotInRoom
        if after > rows[0]["room_version"]:
            raise NotInLog
        return AtPosition(RoomEvents(await self._events(user_id, rows), rows[0]["room_version"]), rows[0]["position"])

    async def feed(self, user_id: UserId, *, after: Position, limit: int) -> AtPosition[list[StreamEvent]]:
        """The events during the user's stays beyond position `after`, across rooms, ascending.

        The position is the point that the answer is complete to: that of the last event where there may be more.
        Raises NotInLog when `after` is beyond the head.
        """
        rows, head = await feed.read(user_id, after=after, limit=limit, database=self._database)
        if after > head:
            raise NotInLog
        events = await self._events(user_id, rows)
        return AtPosition(events, head if len(events) < limit else events[-1].position)

    async def _events(self, user_id: UserId, rows: Sequence[asyncpg.Record]) -> list[StreamEvent]:
        rows = [row for row in rows if row["notification_id"] is not None]
        plain = [plain_messages.read(row) for row in rows]
        authors = await self._bodies.users(message.author for message in plain if message is not None)
        others = [row for row, message in zip(rows, plain, strict=True) if message is None]
        told = iter(await self._bodies.of(self._log.decode_with_words(others), reader=user_id) if others else ())
        return [next(told) if message is None else message.told(authors) for message in plain]


class NotInRoom(Exception):
    """The room does not exist, or the user is not a member: the response does not say which."""


def offset(page: int) -> int:
    return (page - 1) * PAGE


def numbered(results: list[T], rows: Sequence[asyncpg.Record], page: int) -> ResultPage[T] | None:
    """A page with the total that each of its rows carries; the first page exists even when it is empty."""
    if rows:
        return ResultPage(rows[0]["total"], results)
    return ResultPage(0, []) if page == 1 else None


def room_found(row: asyncpg.Record) -> RoomFound:
    return RoomFound(row["room_id"], row["name"], timestamp(row["opened_at"]), row["is_member"])


def messages(rows: Sequence[asyncpg.Record]) -> list[Message]:
    return [message_of(row["of_room"], row) for row in rows if row["version"] is not None]
