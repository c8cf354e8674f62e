"""All read models that are folded in the transaction that appends, each from the events of its aggregate."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import asyncpg

from domain.custody import CUSTODY_TOPICS, Custody, CustodyEvent
from domain.room import TOPICS, RoomEvent
from eventstore.inline_projection import Facts
from postgres.calls import Call
from projections.readmodels.custody.projection import CustodyProjection
from projections.readmodels.facts.batch import BatchFacts
from projections.readmodels.projection import RoomsProjection

LogEvent = RoomEvent | CustodyEvent
"""Every event of this program. Where only those of rooms are meant, it is RoomEvent."""

LOG_TOPICS = (*TOPICS, *CUSTODY_TOPICS)
"""The stored names of them all."""


class ReadModels:
    """Folds rooms, and the record of custody where a batch has some of it: one round trip, one checkpoint."""

    name = RoomsProjection.name
    """Under which the checkpoint of all of them is kept."""

    def __init__(self, rooms: RoomsProjection, custody: CustodyProjection) -> None:
        self._rooms = rooms
        self._custody = custody

    @property
    def session(self) -> dict[str, str]:
        """Settings of the sessions in which they are folded."""
        return self._rooms.session

    def folding(self, batch: Sequence[tuple[int, LogEvent]], *, base: Call | int) -> Call:
        """The call that folds events at these places (ascending), counted from the position `base`; returns `base`."""
        of_custody = [event for _, event in batch if isinstance(event, Custody.Event)]
        if not of_custody:
            return self._rooms.folding(cast(Sequence[tuple[int, RoomEvent]], batch), base=base)
        of_rooms = [(place, event) for place, event in batch if not isinstance(event, Custody.Event)]
        return self._custody.folding(of_custody, base=self._rooms.folding(of_rooms, base=base))

    def in_bulk(self, connection: asyncpg.Connection) -> AbstractAsyncContextManager[None]:
        """Within it the log is folded page after page; what can be counted at its end is."""
        return self._rooms.in_bulk(connection)

    async def refuse_older(self, connection: asyncpg.Connection) -> None:
        """Raises NewerFold where the rows are those of a newer program."""
        await self._rooms.refuse_older(connection)

    async def facts(self, questions: Sequence[Any], connection: asyncpg.Connection) -> Facts:
        """Answer what decisions ask."""
        return await BatchFacts.read(questions, connection)
