"""Folding the log again: the same projection that folds it live, on a connection that finds other tables first."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from domain.room import TOPICS
from eventstore.append import MOVE_CHECKPOINT
from eventstore.inline_projection import fold
from eventstore.log import Log, Recorded
from eventstore.mapper import create_mapper
from postgres.database import SESSION
from projections.readmodels.projection import RoomsProjection

LIVE = "public"
"""The schema of the tables that pages are read from."""

LIVE_CHECKPOINT = f"SELECT coalesce((SELECT position FROM {LIVE}.checkpoints WHERE projection = $1), 0)"
HEAD = f"SELECT coalesce(max(notification_id), 0) FROM {LIVE}.stored_events"

PAGE = 2000

projection = RoomsProjection()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fold has come: `position` of `head`, `events` folded by this run."""

    position: int
    head: int
    events: int


Report = Callable[[Progress], None]


def unwatched(_: Progress) -> None:
    """Nobody wants to know."""


def create_log() -> Log:
    """Reads of the events that the projection folds."""
    return Log(create_mapper(), topics=TOPICS)


async def fold_between(
    after: int, to: int, connection: asyncpg.Connection, *, checkpoints: bool
) -> AsyncIterator[tuple[int, int]]:
    """Fold the events beyond `after` up to `to`, a page in a transaction; yields the position of each page's end and
    how many events it held. With `checkpoints`, each transaction also moves the checkpoint that the connection finds.

    Reads over the same connection, and so inside a transaction that it may have open.
    """
    log = create_log()
    position = after
    while position < to:
        page = await log.between(position, to, limit=PAGE, connection=connection)
        position = page[-1].position if len(page) == PAGE else to
        await _fold_page(page, position, connection, checkpoints=checkpoints)
        yield position, len(page)


async def fold_ahead(
    dsn: str, after: int, to: int, connection: asyncpg.Connection, *, checkpoints: bool
) -> AsyncGenerator[tuple[int, int], None]:
    """As `fold_between`, but reads over a connection of its own and ahead: while the database folds one page, the next
    is read and decoded. To be closed by whoever does not exhaust it.
    """
    log = create_log()
    reader = await asyncpg.connect(dsn, server_settings=SESSION)
    reading = asyncio.ensure_future(log.between(after, to, limit=PAGE, connection=reader))
    position = after
    try:
        while position < to:
            page = await reading
            position = page[-1].position if len(page) == PAGE else to
            reading = asyncio.ensure_future(log.between(position, to, limit=PAGE, connection=reader))
            await _fold_page(page, position, connection, checkpoints=checkpoints)
            yield position, len(page)
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        reader.terminate()


async def _fold_page(
    page: Sequence[Recorded[Any]], to: int, connection: asyncpg.Connection, *, checkpoints: bool
) -> None:
    async with connection.transaction():
        await fold(projection, page, connection)
        if checkpoints:
            await connection.execute(MOVE_CHECKPOINT, projection.name, to)
