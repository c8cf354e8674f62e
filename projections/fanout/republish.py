"""Publishing again what was published: the same bodies under the same keys, to those who may still hear it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import asyncpg

from centrifugo.publisher import Channels, Publication, Publisher
from domain.room import TOPICS, Room
from eventstore.log import Log, Recorded
from postgres.database import Database
from projections.fanout.channels import personal_channel
from projections.fanout.publications import Entry, Publications
from projections.readmodels.bodies import Bodies

PAGE = 200

# Members when it happened who are members still, and somebody whose leaving it was and who has not come back. Only
# those who can be listening: see `projections.fanout.leases`.
AUDIENCE = """
SELECT DISTINCT user_id FROM memberships AS stay
WHERE room_id = $1 AND joined_version <= $2 AND ($3::bigint IS NULL OR user_id = $3)
    AND (left_version IS NULL OR (left_version = $2 AND NOT EXISTS (
        SELECT FROM memberships AS later
        WHERE later.room_id = stay.room_id AND later.user_id = stay.user_id AND later.left_version IS NULL)))
    AND ($4 OR EXISTS (SELECT FROM leases WHERE leases.user_id = stay.user_id AND NOT is_paused))
ORDER BY user_id
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Events from position `first` to `last`, both included: of one room, or for one user's channel, or all."""

    first: int
    last: int
    room_id: UUID | None = None
    user_id: int | None = None


@dataclass(slots=True)
class Total:
    """What was, or would be, published: events, and channels summed over them."""

    events: int = 0
    channels: int = 0

    def add(self, publication: Publication) -> None:
        self.events += 1
        self.channels += len(publication.channels)


class Republishing:
    """Reads what a selection amounts to. `all_warm`: nobody is left out for having no token."""

    def __init__(self, database: Database, log: Log, *, all_warm: bool) -> None:
        self._database = database
        self._log = log
        self._publications = Publications(Bodies(database))
        self._all_warm = all_warm

    async def dry_run(self, selection: Selection) -> Total:
        """What `publish` would do. Publishes nothing."""
        total = Total()
        async for publication in self._publications_of(selection):
            total.add(publication)
        return total

    async def publish(self, selection: Selection, publisher: Publisher) -> Total:
        """Publish in log order, beside what the lanes publish meanwhile: clients drop what they have by its version.

        Within the server's memory of keys (five minutes), what did arrive does not arrive again. Raises
        PublisherError; beginning again is safe.
        """
        total = Total()
        async for publication in self._publications_of(selection):
            for part in publication.parts:
                await publisher.publish([part])
            total.add(publication)
        return total

    async def _publications_of(self, selection: Selection) -> AsyncIterator[Publication]:
        """Those that go to somebody, in log order."""
        after = selection.first - 1
        while page := await self._database.read(partial(self._page, selection, after)):
            entries = [Entry(recorded) for recorded in page]
            await self._publications.encode(entries)
            for entry in entries:
                if entry.is_published and (channels := await self._channels(entry.event, selection.user_id)):
                    yield entry.publication(Channels(channels))
            after = page[-1].position

    async def _page(
        self, selection: Selection, after: int, connection: asyncpg.Connection
    ) -> list[Recorded[Room.Event]]:
        return await self._log.find(
            after, selection.last, topics=TOPICS, stream_id=selection.room_id, limit=PAGE, connection=connection
        )

    async def _channels(self, event: Room.Event, user_id: int | None) -> list[str]:
        rows = await self._database.fetch(
            AUDIENCE, event.originator_id, event.originator_version, user_id, self._all_warm
        )
        return [personal_channel(row[0]) for row in rows]
