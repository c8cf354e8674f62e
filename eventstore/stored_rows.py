"""Rows of the log as they are stored, those of other applications too: for copying a log into another database."""

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from eventstore.log import CHANNEL, COLUMNS, ROWS, TABLE
from eventstore.values import Position, Version

Row = tuple[Position, UUID, Version, str, bytes]
"""Position, stream, version, topic, state: the fields of `COLUMNS`."""

READ = f"{ROWS} WHERE notification_id > $1 AND notification_id <= $2 ORDER BY notification_id LIMIT $3"
MOVE_SEQUENCE = f"SELECT setval(pg_get_serial_sequence('{TABLE}', 'notification_id'), $1)"


async def read_rows(after: Position, to: Position, connection: asyncpg.Connection, *, limit: int) -> list[Row]:
    """The next rows beyond `after`, up to `to`, at most `limit`, ascending by position."""
    return [tuple(row) for row in await connection.fetch(READ, after, to, limit)]


async def append_rows(rows: Iterable[Row], connection: asyncpg.Connection, *, last: Position) -> None:
    """Append rows with the positions that they have, `last` being the highest. The caller holds the append lock."""
    await connection.copy_records_to_table(TABLE, records=rows, columns=COLUMNS)
    await connection.fetchval(MOVE_SEQUENCE, last)
    await connection.execute(f"NOTIFY {CHANNEL}")
