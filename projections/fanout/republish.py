"""Republish events: the same bodies under the same keys, to those of the audience who are still members."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

import asyncpg

from centrifugo.publisher import Channels, Publication, Publisher
from domain.room import TOPICS, RoomEvent
from domain.values import RoomId, UserId
from eventstore.generation import read_generation
from eventstore.log import Log, Stored
from eventstore.values import Position
from postgres.database import Database
from projections.fanout.audience import NO_ONE, blind_to, republish_audience
from projections.fanout.channels import personal_channel
from projections.fanout.publications import Entry, Publications

PAGE = 200


@dataclass(frozen=True, slots=True)
class Selection:
    """Events from position `first` to `last`, inclusive: all, or those of one room or for one user's channel."""

    first: Position
    last: Position
    room_id: RoomId | None = None
    user_id: UserId | None = None


@dataclass(slots=True)
class Total:
    """How much was, or would be, published: events, and the sum of their channels."""

    events: int = 0
    channels: int = 0

    def add(self, publication: Publication) -> None:
        self.events += 1
        self.channels += len(publication.channels)


class Republishing:
    """Republishes a selection of events. `all_warm`: to cold members, too."""

    def __init__(self, database: Database, log: Log, publications: Publications, *, all_warm: bool) -> None:
        self._database = database
        self._log = log
        self._publications = publications
        self._all_warm = all_warm

    async def dry_run(self, selection: Selection) -> Total:
        """Count what `publish` would publish. Publishes nothing."""
        total = Total()
        async for publication in self._publications_of(selection):
            total.add(publication)
        return total

    async def publish(self, selection: Selection, publisher: Publisher) -> Total:
        """Publish in log order while the lanes keep publishing: clients drop the versions that they have.

        Within five minutes, the server's memory of idempotency keys, a publication that arrived does not arrive again.
        Raises PublisherError; starting over is safe.
        """
        total = Total()
        async for publication in self._publications_of(selection):
            for part in publication.parts:
                await publisher.publish([part])
            total.add(publication)
        return total

    async def _publications_of(self, selection: Selection) -> AsyncIterator[Publication]:
        """The publications that have recipients, in log order."""
        after = Position(selection.first - 1)
        generation = await self._database.read(read_generation)
        while page := await self._database.read(partial(self._page, selection, after)):
            entries = [Entry(stored, source=f"{generation}") for stored in page]
            await self._publications.encode(entries)
            for entry in entries:
                users = await republish_audience(
                    entry.event, self._database, user_id=selection.user_id, all_warm=self._all_warm
                )
                blind = await blind_to(entry.event, self._database) if users else NO_ONE
                if seeing := [user_id for user_id in users if user_id not in blind]:
                    yield entry.publication(channels_of(seeing))
                if unseeing := [user_id for user_id in users if user_id in blind]:
                    await self._publications.encode([entry.withheld])
                    yield entry.withheld.publication(channels_of(unseeing))
            after = page[-1].position

    async def _page(
        self, selection: Selection, after: Position, connection: asyncpg.Connection
    ) -> list[Stored[RoomEvent]]:
        return await self._log.find(
            after, selection.last, topics=TOPICS, stream_id=selection.room_id, limit=PAGE, connection=connection
        )


def channels_of(users: Sequence[UserId]) -> Channels:
    return Channels([personal_channel(user_id) for user_id in users])
