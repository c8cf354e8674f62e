"""Rows of the log as they are stored, those of other applications too: for copying a log into another database."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from eventsourcing.utils import resolve_topic

from eventstore import words
from eventstore.log import CHANNEL, COLUMNS, ROWS, TABLE
from eventstore.values import Position, Version
from eventstore.words import Opening

Row = tuple[Position, UUID, Version, str, bytes, Opening | None]
"""Position, stream, version, topic, state: the fields of `COLUMNS`; and what opens it, where its words stand apart."""

PAGE = "WHERE notification_id > $1 AND notification_id <= $2 ORDER BY notification_id LIMIT $3"
READ = f"{ROWS} {PAGE}"
READ_WITH_OPENINGS = f"""
SELECT {", ".join(COLUMNS)}, salt, content, client_id
FROM {TABLE} {words.join("originator_id", "originator_version")} {PAGE}
"""
MOVE_SEQUENCE = f"SELECT setval(pg_get_serial_sequence('{TABLE}', 'notification_id'), $1)"


async def read_rows(
    after: Position, to: Position, connection: asyncpg.Connection, *, limit: int, with_openings: bool
) -> list[Row]:
    """The next rows beyond `after`, up to `to`, at most `limit`, ascending by position.

    Words that were erased have no opening.
    """
    if not with_openings:
        return [(*row, None) for row in await connection.fetch(READ, after, to, limit)]
    return [
        (*row[:5], Opening(*row[5:]) if row["salt"] is not None else None)
        for row in await connection.fetch(READ_WITH_OPENINGS, after, to, limit)
    ]


async def append_rows(rows: Sequence[Row], connection: asyncpg.Connection, *, last: Position) -> None:
    """Append rows with the positions that they have, `last` being the highest. The caller holds the append lock."""
    await connection.copy_records_to_table(TABLE, records=[row[:5] for row in rows], columns=COLUMNS)
    openings = [
        (stream, version, opening, resolve_topic(topic).compared(opening.content))
        for _, stream, version, topic, _, opening in rows
        if opening is not None
    ]
    await words.copy_openings(openings, connection)
    await connection.fetchval(MOVE_SEQUENCE, last)
    await connection.execute(f"NOTIFY {CHANNEL}")
