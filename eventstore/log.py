"""The log as it is read: one ordered sequence of events, and the streams it is made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import asyncpg
from eventsourcing.persistence import Mapper
from eventsourcing.utils import get_topic
from msgspec import Struct

from eventstore import words
from eventstore.checkpoints import position_of
from eventstore.errors import UnreadableEvent
from eventstore.generation import event_hash
from eventstore.mapper import to_event, unreadable
from eventstore.values import Position, Version

E = TypeVar("E", covariant=True)

APPEND_ONLY = Path(__file__).with_name("append_only.sql")
"""The function by which the table refuses to be changed."""

TABLE = "stored_events"
COLUMNS = ("notification_id", "originator_id", "originator_version", "topic", "state")
ROWS = f"SELECT {', '.join(COLUMNS)} FROM {TABLE}"
"""How a statement begins whose rows `Log.decode` is to take."""

ROWS_AND_WORDS = f"""
SELECT {", ".join(COLUMNS)}, {words.TABLE}.content, {words.TABLE}.client_id
FROM {TABLE} {words.join("originator_id", "originator_version")}
"""
"""The same for `Log.decode_with_words`: for what people are shown."""

CHANNEL = TABLE
"""Where PostgreSQL notifies of every append: the same channel as the `eventsourcing` library's, named for the table."""

READ_BETWEEN = f"""
{ROWS} WHERE notification_id > $1 AND notification_id <= $2 AND topic = ANY($3) ORDER BY notification_id LIMIT $4
"""

# How far a projection has folded, and what it has folded beyond a position, in one round trip: one row at the least.
READ_FOLDED = f"""
SELECT folded.position AS folded, event.* FROM (SELECT {position_of("$1")} AS position) AS folded
LEFT JOIN LATERAL (
    {ROWS_AND_WORDS} WHERE notification_id > $2 AND notification_id <= folded.position AND topic = ANY($3)
    ORDER BY notification_id LIMIT $4
) AS event ON true ORDER BY notification_id
"""

FIND = f"""
{ROWS_AND_WORDS} WHERE notification_id > $1 AND notification_id <= $2 AND topic = ANY($3)
    AND ($4::uuid IS NULL OR originator_id = $4)
ORDER BY notification_id
"""
FIND_FIRST, FIND_LAST = f"{FIND} LIMIT $5", f"{FIND} DESC LIMIT $5"

OF_STREAM = "WHERE originator_id = $1 AND originator_version > $2 ORDER BY originator_version LIMIT $3"
READ_STREAM = f"{ROWS} {OF_STREAM}"
READ_STREAM_AND_WORDS = f"{ROWS_AND_WORDS} {OF_STREAM}"
# Rare ones in a long stream: their words are looked for afterwards, not beside all that is passed over.
READ_SOME_OF_STREAM = f"""
SELECT event.*, {words.TABLE}.content, {words.TABLE}.client_id
FROM (
    {ROWS} WHERE originator_id = $1 AND originator_version > $2 AND topic = ANY($4)
    ORDER BY originator_version LIMIT $3
) AS event {words.join("originator_id", "originator_version")}
ORDER BY originator_version
"""

READ_STREAMS = f"""
SELECT {", ".join(COLUMNS)}
FROM unnest($1::uuid[], $2::bigint[]) AS behind (stream_id, version)
JOIN {TABLE} ON originator_id = behind.stream_id AND originator_version > behind.version
ORDER BY notification_id
"""

READ_AT = f"{ROWS_AND_WORDS} WHERE notification_id = ANY($1) ORDER BY notification_id"
READ_ONE = f"{ROWS_AND_WORDS} WHERE originator_id = $1 AND originator_version = $2"

_FROM_TIMESTAMP_ON = """split_part(encode(state, 'escape'), '"timestamp":', 2)"""
OCCURRED_AT = f"""
CASE split_part({_FROM_TIMESTAMP_ON}, '"', 4)
    WHEN 'datetime_iso' THEN split_part({_FROM_TIMESTAMP_ON}, '"', 8)::timestamptz
END
"""
"""SQL for the time of an event, from what the library writes: `"timestamp": {"_type_": "datetime_iso", "_data_": "…"}`.
NULL where a state holds none, or is not text."""

LAST_POSITION = f"SELECT coalesce(max(notification_id), 0) FROM {TABLE}"
"""The position of the newest event; 0 while the log is empty."""


class Recorded(Struct, Generic[E], frozen=True):
    """An event that is in the log, and where. Its stream is a field of the event itself."""

    position: Position
    event: E

    @property
    def version(self) -> Version:
        """Its place in its stream."""
        return Version(cast(Any, self.event).originator_version)


class Stored(Recorded[E], frozen=True):
    """An event with its row: what tells it from another event that took its place in a log that went back."""

    topic: str
    state: bytes

    @property
    def hash(self) -> bytes:
        """As `generation.event_hash`."""
        stream_id: UUID = cast(Any, self.event).originator_id
        return event_hash(self.position, stream_id, self.version, self.topic, self.state)


def cannot_have_happened(recorded: Recorded[Any], error: Exception) -> UnreadableEvent:
    """The error to raise for an event that was decoded, and whose fold or application raised `error`."""
    event = recorded.event
    return unreadable(recorded.position, event.originator_id, recorded.version, get_topic(type(event)), error)


class Log:
    """Reads of the log over a connection of the caller's choice: a pool's, or one that holds a transaction.

    What is folded or applied is read without the words of people (`between`, `stream`, `streams`); what is shown to
    people is read with them (`find`, `at`, `folded`, `stream_with_words`, `one`), in the same statement.

    `topics` are those of this program's events. Other applications may keep theirs in the same log: reads of the whole
    log skip them, reads of a stream do not.
    """

    def __init__(self, mapper: Mapper[UUID], *, topics: Sequence[str]) -> None:
        self.topics = frozenset(topics)
        self._mapper = mapper
        self._topics = list(topics)

    async def between(
        self, after: Position, to: Position, *, limit: int, connection: asyncpg.Connection
    ) -> list[Recorded[Any]]:
        """The next events of the whole log, ascending by position: beyond `after`, up to `to`, at most `limit`."""
        return self.decode(await connection.fetch(READ_BETWEEN, after, to, self._topics, limit))

    async def find(
        self,
        after: Position,
        to: Position,
        *,
        topics: Sequence[str],
        stream_id: UUID | None,
        limit: int,
        connection: asyncpg.Connection,
        newest_first: bool = False,
    ) -> list[Stored[Any]]:
        """As `between`, of these `topics` only, and of one stream unless `stream_id` is None.

        With `newest_first`, the last `limit` of them, descending.
        """
        statement = FIND_LAST if newest_first else FIND_FIRST
        return self.decode_with_words(await connection.fetch(statement, after, to, list(topics), stream_id, limit))

    async def at(self, positions: Sequence[Position], *, connection: asyncpg.Connection) -> list[Stored[Any]]:
        """The events at these positions, ascending, with their words."""
        return self.decode_with_words(await connection.fetch(READ_AT, positions))

    async def folded(
        self, projection: str, after: Position, *, limit: int, connection: asyncpg.Connection
    ) -> tuple[list[Stored[Any]], Position]:
        """As `between`, up to where `projection` has folded the log; and that position."""
        rows = await connection.fetch(READ_FOLDED, projection, after, self._topics, limit)
        events = rows if rows[0]["notification_id"] is not None else []
        return self.decode_with_words(events), Position(rows[0]["folded"])

    async def stream(
        self, stream_id: UUID, *, after: Version, limit: int, connection: asyncpg.Connection
    ) -> list[Recorded[Any]]:
        """The next events of one stream, ascending by version, at most `limit`."""
        return self.decode(await connection.fetch(READ_STREAM, stream_id, after, limit))

    async def stream_with_words(
        self,
        stream_id: UUID,
        *,
        after: Version,
        limit: int,
        topics: Sequence[str] | None = None,
        connection: asyncpg.Connection,
    ) -> list[Stored[Any]]:
        """As `stream`, for what people are shown; of some `topics` only, if they are given."""
        if topics is None:
            return self.decode_with_words(await connection.fetch(READ_STREAM_AND_WORDS, stream_id, after, limit))
        return self.decode_with_words(
            await connection.fetch(READ_SOME_OF_STREAM, stream_id, after, limit, list(topics))
        )

    async def streams(self, versions: dict[UUID, Version], *, connection: asyncpg.Connection) -> list[Recorded[Any]]:
        """Everything beyond the given version of each stream, ascending by position."""
        return self.decode(await connection.fetch(READ_STREAMS, list(versions), list(versions.values())))

    async def one(self, stream_id: UUID, version: Version, *, connection: asyncpg.Connection) -> Stored[Any] | None:
        """One event by its stream and version."""
        row = await connection.fetchrow(READ_ONE, stream_id, version)
        return self.decode_with_words([row])[0] if row is not None else None

    async def last_position(self, *, connection: asyncpg.Connection) -> Position:
        """The position of the newest event; 0 while the log is empty."""
        return Position(await connection.fetchval(LAST_POSITION))

    def decode(self, rows: Sequence[asyncpg.Record]) -> list[Recorded[Any]]:
        """Rows with the `COLUMNS` of the log as events of today's class versions. Raises UnreadableEvent."""
        return [
            Recorded(
                Position(row["notification_id"]),
                self.event(
                    row["notification_id"],
                    row["originator_id"],
                    row["originator_version"],
                    row["topic"],
                    row["state"],
                ),
            )
            for row in rows
        ]

    def decode_with_words(self, rows: Sequence[asyncpg.Record]) -> list[Stored[Any]]:
        """As `decode`, of rows that begin as ROWS_AND_WORDS does; events hold their words, or that they were erased."""
        found = []
        for recorded, row in zip(self.decode(rows), rows, strict=True):
            words.give_back(recorded.event, row["content"], row["client_id"])
            found.append(Stored(recorded.position, recorded.event, row["topic"], row["state"]))
        return found

    def event(self, position: Position, stream_id: UUID, version: Version, topic: str, state: bytes) -> Any:
        """One row, from a table or a file, as an event of today's class version. Raises UnreadableEvent."""
        return to_event(self._mapper, position, stream_id, version, topic, state)
