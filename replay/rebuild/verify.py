"""Proving the read models right: fold the log into tables of one's own, and compare row by row at one position."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from eventstore.inline_projection import fold
from postgres.database import SESSION, unavailable_is_one_error
from projections.readmodels.projection import KEYS, TABLES
from replay.rebuild.fold import (
    LIVE,
    LIVE_CHECKPOINT,
    PAGE,
    Progress,
    Report,
    create_log,
    fold_ahead,
    fold_between,
    projection,
)

OURS = "pg_temp"
"""Temporary tables, found before all others by the connection that made them and gone with it."""

VERIFY_SESSION = {**SESSION, "application_name": "onrecord verify"}


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the log says: `live` is None where it is missing, `folded` where it should not be."""

    table: str
    key: dict[str, Any]
    live: dict[str, Any] | None
    folded: dict[str, Any] | None

    @property
    def columns(self) -> list[str]:
        """Those in which the two rows differ; all of them where there is only one row."""
        live, folded = self.live or {}, self.folded or {}
        return [name for name in {**folded, **live} if live.get(name) != folded.get(name)]


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared: everything at `position`. The digest is of the live rows: equal rows, equal digests."""

    position: int
    events: int
    rows: dict[str, int]
    digest: str
    differences: list[Difference]


async def verify(dsn: str, report: Report, *, room_id: UUID | None = None) -> Verified:
    """Compare the live tables, or one room's rows, with a fold of the log. Nothing that others see is changed.

    Raises StoreUnavailable.
    """
    async with _folding(dsn) as connection:
        position, events = await _fold(dsn, connection, report, room_id)
        async with connection.transaction(isolation="repeatable_read"):
            at = await connection.fetchval(LIVE_CHECKPOINT, projection.name)
            events += await _catch_up(connection, position, at, room_id)
            rows = {table: await connection.fetchval(f"SELECT count(*) FROM {OURS}.{table}") for table in TABLES}
            differences = [
                difference for table in TABLES async for difference in _differences(connection, table, room_id)
            ]
            return Verified(at, events, rows, await _digest(connection, room_id), differences)


async def mend_room(dsn: str, room_id: UUID) -> list[Difference]:
    """Make the live rows of one room what the log says, and answer those that were not. Raises StoreUnavailable.

    Appends wait while its rows are compared; readers never do.
    """
    async with _folding(dsn) as connection:
        position = await connection.fetchval(LIVE_CHECKPOINT, projection.name)
        await _fold_room(connection, room_id, 0, position)
        async with connection.transaction():
            await connection.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            at = await connection.fetchval(LIVE_CHECKPOINT, projection.name)
            await _catch_up(connection, position, at, room_id)
            differences = [
                difference for table in TABLES async for difference in _differences(connection, table, room_id)
            ]
            for table in TABLES:
                await connection.execute(remove_wrong(table), room_id)
                await connection.execute(add_missing(table))
        return differences


def remove_wrong(table: str) -> str:
    """Deletes the live rows of a room that the fold does not have, or has otherwise."""
    same_key = " AND ".join(f"folded.{column} = live.{column}" for column in KEYS[table])
    return f"""
        DELETE FROM {LIVE}.{table} AS live WHERE room_id = $1 AND NOT EXISTS (
            SELECT FROM {OURS}.{table} AS folded WHERE {same_key} AND folded IS NOT DISTINCT FROM live)
    """


def add_missing(table: str) -> str:
    """Inserts the rows of the fold that are not live."""
    key = ", ".join(KEYS[table])
    return f"INSERT INTO {LIVE}.{table} SELECT * FROM {OURS}.{table} ON CONFLICT ({key}) DO NOTHING"


@asynccontextmanager
async def _folding(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection with empty tables of its own in front of the live ones."""
    with unavailable_is_one_error():
        connection = await asyncpg.connect(dsn, server_settings=VERIFY_SESSION)
        try:
            for table in TABLES:
                await connection.execute(f"CREATE TEMPORARY TABLE {table} (LIKE {LIVE}.{table} INCLUDING ALL)")
            yield connection
        finally:
            connection.terminate()


async def _fold(dsn: str, connection: asyncpg.Connection, report: Report, room_id: UUID | None) -> tuple[int, int]:
    """Fold most of the log, with progress; answers the position and the number of events."""
    head = await connection.fetchval(LIVE_CHECKPOINT, projection.name)
    if room_id is not None:
        return head, await _fold_room(connection, room_id, 0, head)
    position, events = 0, 0
    async with aclosing(fold_ahead(dsn, 0, head, connection, checkpoints=False)) as pages:
        async for position, folded in pages:
            events += folded
            report(Progress(position, head, events))
    return position, events


async def _catch_up(connection: asyncpg.Connection, after: int, to: int, room_id: UUID | None) -> int:
    """Fold what was recorded meanwhile."""
    if room_id is not None:
        return await _fold_room(connection, room_id, after, to)
    return sum([folded async for _, folded in fold_between(after, to, connection, checkpoints=False)])


async def _fold_room(connection: asyncpg.Connection, room_id: UUID, after: int, to: int) -> int:
    """Fold the events of one room between two positions; answers how many."""
    log = create_log()
    version, events = 0, 0
    while page := await log.stream(room_id, after=version, limit=PAGE, connection=connection):
        due = [recorded for recorded in page if after < recorded.position <= to]
        async with connection.transaction():
            await fold(projection, due, connection)
        version = page[-1].event.originator_version
        events += len(due)
    return events


async def _differences(connection: asyncpg.Connection, table: str, room_id: UUID | None) -> AsyncIterator[Difference]:
    """The rows of one table that are not the same in both."""
    key = ", ".join(KEYS[table])
    chosen = f"(SELECT * FROM {LIVE}.{table} WHERE $1::uuid IS NULL OR room_id = $1)"
    async for row in connection.cursor(
        f"SELECT {key}, to_jsonb(live)::text AS live, to_jsonb(folded)::text AS folded"
        f" FROM {chosen} AS live FULL JOIN {OURS}.{table} AS folded USING ({key})"
        f" WHERE live IS DISTINCT FROM folded ORDER BY {key}",
        room_id,
    ):
        yield Difference(
            table,
            {name: row[name] for name in KEYS[table]},
            msgspec.json.decode(row["live"]) if row["live"] is not None else None,
            msgspec.json.decode(row["folded"]) if row["folded"] is not None else None,
        )


async def _digest(connection: asyncpg.Connection, room_id: UUID | None) -> str:
    """SHA-256 of the live rows, as PostgreSQL writes them in the order of their keys."""
    digest = hashlib.sha256()

    async def take(data: bytes) -> None:
        digest.update(data)

    for table in TABLES:
        await connection.copy_from_query(
            f"SELECT * FROM {LIVE}.{table} WHERE $1::uuid IS NULL OR room_id = $1 ORDER BY {', '.join(KEYS[table])}",
            room_id,
            output=take,
        )
    return digest.hexdigest()
