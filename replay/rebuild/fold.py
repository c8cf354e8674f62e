"""Folding the log again: the same projection that folds it live, on a connection that finds other tables first."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Self
from uuid import UUID

import asyncpg

from eventstore.checkpoints import move
from eventstore.inline_projection import InlineProjection, fold, prepare
from eventstore.log import Log, Recorded
from eventstore.values import STREAM_START, Position
from postgres.calls import Call
from postgres.connect import connect

PAGE = 2000

Page = Sequence[Recorded[Any]]


def unobserved(_: Page) -> None:
    """For folds whose pages are not observed."""


class Fold:
    """Folds parts of the log with `projection`, a page in a transaction, into the tables that the connection finds.

    With `checkpoints`, each transaction also moves the checkpoint that the connection finds.
    """

    def __init__(self, projection: InlineProjection, log: Log, observe: Callable[[Page], None] = unobserved) -> None:
        self._projection = projection
        self._log = log
        self._observe = observe

    def observed(self, observe: Callable[[Page], None]) -> Self:
        """This fold, but each page goes to `observe` before it is folded."""
        return type(self)(self._projection, self._log, observe)

    @property
    def name(self) -> str:
        """The name of the projection, under which its checkpoints are saved."""
        return self._projection.name

    @property
    def session(self) -> dict[str, str]:
        """Settings of the session in which it folds."""
        return self._projection.session

    def in_bulk(self, connection: asyncpg.Connection) -> AbstractAsyncContextManager[None]:
        """Within it, as many pages as there are may be folded; the rows are right at its end."""
        return self._projection.in_bulk(connection)

    async def between(
        self, after: Position, to: Position, connection: asyncpg.Connection, *, checkpoints: bool
    ) -> AsyncIterator[tuple[Position, int]]:
        """Fold the events beyond `after` up to `to`; yields the position of each page's end and its number of events.

        Reads over the same connection, and so inside a transaction that it may have open.
        """
        position = after
        while position < to:
            page = await self._log.between(position, to, limit=PAGE, connection=connection)
            position = page[-1].position if len(page) == PAGE else to
            await self._fold(page, position, connection, checkpoints=checkpoints)
            yield position, len(page)

    async def observe(self, after: Position, to: Position, connection: asyncpg.Connection) -> None:
        """Have the events beyond `after` up to `to` observed, and fold none of them."""
        position = after
        while position < to:
            page = await self._log.between(position, to, limit=PAGE, connection=connection)
            self._observe(page)
            position = page[-1].position if len(page) == PAGE else to

    async def ahead(
        self, dsn: str, after: Position, to: Position, connection: asyncpg.Connection, *, checkpoints: bool
    ) -> AsyncGenerator[tuple[Position, int], None]:
        """As `between`, but reads over a connection of its own and ahead: while the database folds one page, the next
        is read, decoded and made ready. A caller that does not exhaust it must close it.
        """
        reader = await connect(dsn)
        reading = asyncio.ensure_future(self._read_and_prepare(after, to, reader))
        position = after
        try:
            while position < to:
                page, folding = await reading
                position = page[-1].position if len(page) == PAGE else to
                reading = asyncio.ensure_future(self._read_and_prepare(position, to, reader))
                await self._fold(page, position, connection, checkpoints=checkpoints, folding=folding)
                yield position, len(page)
        finally:
            reading.cancel()
            await asyncio.wait([reading])
            reader.terminate()

    async def stream(
        self,
        stream_id: UUID,
        after: Position,
        to: Position,
        connection: asyncpg.Connection,
        *,
        reader: asyncpg.Connection | None = None,
    ) -> int:
        """Fold the events of one stream between two positions, read over `reader` if given; returns how many."""
        version, events = STREAM_START, 0
        reader = reader or connection
        while page := await self._log.stream(stream_id, after=version, limit=PAGE, connection=reader):
            due = [recorded for recorded in page if after < recorded.position <= to]
            await self._fold(due, to, connection, checkpoints=False)
            version = page[-1].version
            events += len(due)
        return events

    async def _read_and_prepare(
        self, after: Position, to: Position, reader: asyncpg.Connection
    ) -> tuple[Page, Call | None]:
        """The next page and the call that folds it; None where there is nothing to fold, or that must be found out."""
        page = await self._log.between(after, to, limit=PAGE, connection=reader)
        return page, prepare(self._projection, page)

    async def _fold(
        self,
        page: Page,
        to: Position,
        connection: asyncpg.Connection,
        *,
        checkpoints: bool,
        folding: Call | None = None,
    ) -> None:
        self._observe(page)
        async with connection.transaction():
            await fold(self._projection, page, connection, folding)
            if checkpoints:
                await move(self.name, to, connection)
