"""Verifying the read models: fold the log into temporary tables, and compare them row by row at one position."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from domain.values import RoomId
from eventstore import checkpoints
from eventstore.log import LAST_POSITION, TABLE
from eventstore.values import LOG_START, Position
from postgres.connect import SESSION, connect
from postgres.database import unavailable_is_one_error
from projections.readmodels.tables import KEYS, LIVE, ROOM_TABLES, TABLES, filled_columns
from replay.log_rules import LogRules
from replay.progress import Progress, Report
from replay.rebuild.fold import Fold, Page
from replay.room_rules import Impossible

TEMPORARY = "pg_temp"
"""The schema of temporary tables: only the connection that made them sees them, and finds them before all others."""

VERIFY_SESSION = {**SESSION, "application_name": "onrecord verify"}


GAPS = f"""
SELECT originator_id AS room_id, min(originator_version) AS first, max(originator_version) AS last, count(*) AS events
FROM {TABLE} WHERE $1::uuid IS NULL OR originator_id = $1
GROUP BY originator_id HAVING min(originator_version) <> 1 OR max(originator_version) <> count(*) ORDER BY originator_id
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules of the chat would not have recorded, or a snapshot that is not what its events say."""

    room_id: RoomId
    problem: str


class CheckedRules:
    """Holds each event against the rules; `findings` are those that no command could have caused."""

    def __init__(self) -> None:
        self._rules = LogRules()
        self.findings: list[Finding] = []

    def check(self, page: Page) -> None:
        for recorded in page:
            try:
                self._rules.apply(recorded.event)
            except Impossible as error:
                problem = f"version {recorded.version} cannot have happened: {error}"
                self.findings.append(Finding(RoomId(recorded.event.originator_id), problem))


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
    """What was compared: everything at `position`. The digest is of the live rows: equal rows, equal digests.

    `findings` are about the log itself.
    """

    position: Position
    events: int
    rows: dict[str, int]
    digest: str
    differences: list[Difference]
    findings: list[Finding]


async def at_once() -> None:
    """For callers that are in a hurry."""


async def verify(
    fold: Fold,
    dsn: str,
    report: Report,
    *,
    room_id: RoomId | None = None,
    rest: Callable[[], Awaitable[None]] = at_once,
) -> Verified:
    """Compare the live tables, or one room's rows in them, with a fold of the log. Changes nothing that others see.

    Events that no process has folded yet are held against the rules as well, unless only one room is compared. After
    each page of the log and each table, it waits for `rest`.

    Raises StoreUnavailable, also for a standby, which has no temporary tables: see `verify_standby`.
    """
    rules = CheckedRules()
    fold = fold.observed(rules.check)
    async with temporary_tables(fold, dsn) as connection:
        position, events = await _fold(fold, dsn, connection, report, room_id, rest)
        async with connection.transaction(isolation="repeatable_read"):
            at = await checkpoints.read(fold.name, connection, schema=LIVE)
            events += await _catch_up(fold, connection, position, at, room_id)
            rows = await _count_rows(connection, room_id)
            differences = await find_differences(connection, room_id, rest)
            if room_id is None:
                await fold.observe(at, await connection.fetchval(LAST_POSITION), connection)
            findings = [*await _gaps(connection, room_id), *rules.findings]
            return Verified(at, events, rows, await _digest(connection, room_id), differences, findings)


async def verify_standby(
    fold: Fold, dsn: str, scratch_dsn: str, report: Report, *, room_id: RoomId | None = None
) -> Verified:
    """As `verify`, for a standby: its live tables are copied into the empty ones of `scratch_dsn`, another database
    with today's schema, and compared there with a fold of its log. Raises StoreUnavailable.
    """
    rules = CheckedRules()
    fold = fold.observed(rules.check)
    async with _connected(dsn) as standby, temporary_tables(fold, scratch_dsn) as scratch:
        async with standby.transaction(isolation="repeatable_read", readonly=True):
            at = await checkpoints.read(fold.name, standby, schema=LIVE)
            for table in TABLES:
                await _copy(table, standby, scratch)
            gaps = await _gaps(standby, room_id)
            head: Position = await standby.fetchval(LAST_POSITION)
        if room_id is None:
            events, pages = 0, fold.ahead(dsn, LOG_START, at, scratch, checkpoints=False)
            async with fold.in_bulk(scratch), aclosing(pages):
                async for position, folded in pages:
                    events += folded
                    report(Progress(position, at, events))
            await fold.observe(at, head, standby)
        else:
            events = await fold.stream(room_id, LOG_START, at, scratch, reader=standby)
        async with scratch.transaction():
            rows = await _count_rows(scratch, room_id)
            differences = await find_differences(scratch, room_id)
            return Verified(at, events, rows, await _digest(scratch, room_id), differences, [*gaps, *rules.findings])


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    with unavailable_is_one_error():
        connection = await connect(dsn, VERIFY_SESSION)
        try:
            yield connection
        finally:
            connection.terminate()


async def _copy(table: str, source: asyncpg.Connection, target: asyncpg.Connection) -> None:
    """The live rows of a table into the live table of another database."""
    columns = await filled_columns(table, target)
    with tempfile.TemporaryFile() as rows:
        await source.copy_from_table(table, schema_name=LIVE, columns=columns, output=rows, format="binary")
        rows.seek(0)
        await target.copy_to_table(table, schema_name=LIVE, columns=columns, source=rows, format="binary")


@asynccontextmanager
async def temporary_tables(fold: Fold, dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that finds empty temporary tables in the place of the live ones. Raises StoreUnavailable."""
    with unavailable_is_one_error():
        connection = await connect(dsn, VERIFY_SESSION | fold.session)
        try:
            for table in TABLES:
                await connection.execute(f"CREATE TEMPORARY TABLE {table} (LIKE {LIVE}.{table} INCLUDING ALL)")
            yield connection
        finally:
            connection.terminate()


async def find_differences(
    connection: asyncpg.Connection, room_id: RoomId | None, rest: Callable[[], Awaitable[None]] = at_once
) -> list[Difference]:
    """The rows, of one room or of all, that are not the same in the temporary tables and in the live ones."""
    found: list[Difference] = []
    for table in tables_of(room_id):
        found += [difference async for difference in _differences(connection, table, room_id)]
        await rest()
    return found


async def _count_rows(connection: asyncpg.Connection, room_id: RoomId | None) -> dict[str, int]:
    tables = tables_of(room_id)
    return {table: await connection.fetchval(f"SELECT count(*) FROM {TEMPORARY}.{table}") for table in tables}


def tables_of(room_id: RoomId | None) -> tuple[str, ...]:
    """The tables that have rows of one room, or all."""
    return ROOM_TABLES if room_id is not None else TABLES


async def _fold(
    fold: Fold,
    dsn: str,
    connection: asyncpg.Connection,
    report: Report,
    room_id: RoomId | None,
    rest: Callable[[], Awaitable[None]],
) -> tuple[Position, int]:
    """Fold most of the log, with progress; returns the position and the number of events."""
    head = await checkpoints.read(fold.name, connection, schema=LIVE)
    if room_id is not None:
        return head, await fold.stream(room_id, LOG_START, head, connection)
    position, events = LOG_START, 0
    pages = fold.ahead(dsn, position, head, connection, checkpoints=False)
    async with fold.in_bulk(connection), aclosing(pages):
        async for position, folded in pages:
            events += folded
            report(Progress(position, head, events))
            await rest()
    return position, events


async def _catch_up(
    fold: Fold, connection: asyncpg.Connection, after: Position, to: Position, room_id: RoomId | None
) -> int:
    """Fold what was recorded meanwhile; returns how many events that was."""
    if room_id is not None:
        return await fold.stream(room_id, after, to, connection)
    return sum([folded async for _, folded in fold.between(after, to, connection, checkpoints=False)])


async def _differences(connection: asyncpg.Connection, table: str, room_id: RoomId | None) -> AsyncIterator[Difference]:
    """The rows of one table that are not the same in both."""
    key = ", ".join(KEYS[table])
    chosen = f"(SELECT * FROM {LIVE}.{table} WHERE {_of_room(table)})"
    async for row in connection.cursor(
        f"SELECT {key}, to_jsonb(live)::text AS live, to_jsonb(folded)::text AS folded"
        f" FROM {chosen} AS live FULL JOIN {TEMPORARY}.{table} AS folded USING ({key})"
        f" WHERE live IS DISTINCT FROM folded ORDER BY {key}",
        room_id,
    ):
        yield Difference(
            table,
            {name: row[name] for name in KEYS[table]},
            msgspec.json.decode(row["live"]) if row["live"] is not None else None,
            msgspec.json.decode(row["folded"]) if row["folded"] is not None else None,
        )


def _of_room(table: str) -> str:
    """SQL: whether a row is of the room $1, or of any where that is null."""
    return "$1::uuid IS NULL OR room_id = $1" if table in ROOM_TABLES else "$1::uuid IS NULL"


async def _gaps(connection: asyncpg.Connection, room_id: RoomId | None) -> list[Finding]:
    """Streams with gaps in their versions."""
    return [
        Finding(row["room_id"], f"versions {row['first']} to {row['last']} hold {row['events']} events")
        for row in await connection.fetch(GAPS, room_id)
    ]


async def _digest(connection: asyncpg.Connection, room_id: RoomId | None) -> str:
    """SHA-256 of the live rows, as PostgreSQL writes them in the order of their keys."""
    digest = hashlib.sha256()

    async def take(data: bytes) -> None:
        digest.update(data)

    for table in tables_of(room_id):
        await connection.copy_from_query(
            f"SELECT * FROM {LIVE}.{table} WHERE {_of_room(table)} ORDER BY {', '.join(KEYS[table])}",
            room_id,
            output=take,
        )
    return digest.hexdigest()
