"""Folding the log into a shadow, page by page."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from eventstore.log import Log
from replay import pages
from replay.pages import Page
from replay.shadow import Shadow


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a fold is: `position` of `head`, and the events folded since it began or was taken up again."""

    position: int
    head: int
    events: int


Observer = Callable[[Progress], None]


class Folding:
    """Folds into `shadow`. Every page is a transaction, its checkpoint with it: interrupted, it goes on from there."""

    def __init__(self, shadow: Shadow, log: Log, observe: Observer) -> None:
        self._shadow = shadow
        self._log = log
        self._observe = observe
        self.events = 0

    async def to(self, head: int, reader: asyncpg.Connection) -> None:
        """Fold everything up to position `head`, reading over a connection other than the shadow's."""
        after = await self._shadow.checkpoint()
        self._observe(Progress(after, head, self.events))
        await self._fold(pages.whole_log(self._log, reader, after=after, to=head), head)

    async def the_rest(self, head: int) -> int:
        """Fold up to `head` inside a transaction that the shadow's connection has open already, reading over it too.

        Answers how many events that were.
        """
        events = 0
        while page := await self._log.between(
            await self._shadow.checkpoint(), head, limit=pages.PAGE, connection=self._shadow.connection
        ):
            await self._fold_page(page)
            events += len(page)
        await self._shadow.move_checkpoint(head)
        return events

    async def room(self, room_id: UUID, reader: asyncpg.Connection) -> None:
        """Fold all events of one room, whatever the checkpoint says."""
        await self._fold(pages.stream(self._log, reader, room_id), await self._log.last_position(connection=reader))

    async def _fold(self, source: AsyncIterator[Page], head: int) -> None:
        async for page in source:
            async with self._shadow.connection.transaction():
                await self._fold_page(page)
            self.events += len(page)
            self._observe(Progress(page[-1].position, head, self.events))

    async def _fold_page(self, page: Page) -> None:
        await self._shadow.model.projection.fold(page, self._shadow.connection)
        await self._shadow.move_checkpoint(page[-1].position)
