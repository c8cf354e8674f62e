"""What a lane publishes of the events that it took, and to whom: by who is a member at each event, and who is warm."""

from collections.abc import Awaitable, Callable, Iterator, Sequence, Set
from dataclasses import dataclass

import asyncpg
import msgspec

from centrifugo.publisher import Channels, Publication
from domain.room import Room
from domain.values import UserId
from eventstore.values import Position
from projections.fanout.audience import Audience, Audiences, UserChunk, split
from projections.fanout.channels import personal_channel
from projections.fanout.leases import AllWarm, LeaseChanges, WarmUsers
from projections.fanout.publications import Crowd, Entry, FeedPaused, crowds
from projections.fanout.publishing.counts import Counts
from projections.fanout.tail import Tail
from projections.fanout.waiting.backlog import PublicationPiece


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event, or a crowd, and its recipients: warm users get it, users who turned cold get a `feed_paused`.

    Before that, the channels of all users in `forgetting` forget what was published to them.
    """

    entry: Entry | Crowd
    chunks: Sequence[UserChunk]
    markers: Sequence[PublicationPiece]
    forgetting: Sequence[frozenset[UserId]] = ()


@dataclass(frozen=True, slots=True)
class ToldAtOnce:
    """An event that was published before the leases were read, and to whom: of `audience`, those known as warm."""

    audience: Audience
    users: frozenset[UserId]


class Deliveries:
    """Follows the members of rooms from event to event. `set_aside` is told of what an operator skips.

    `notified` are those whose `feed_paused` is in a delivery, and who are not yet recorded as told.
    """

    def __init__(
        self,
        audiences: Audiences,
        warm_users: WarmUsers | AllWarm,
        tail: Tail,
        connection: asyncpg.Connection,
        *,
        counts: Counts,
        set_aside: Callable[[Entry, str], Awaitable[None]],
    ) -> None:
        self._audiences = audiences
        self._warm_users = warm_users
        self._tail = tail
        self._connection = connection
        self._counts = counts
        self._set_aside = set_aside
        self.notified: set[UserId] = set()

    async def of(self, entries: Sequence[Entry], *, skipping: Position | None) -> list[Delivery]:
        """What to publish for `entries`, in log order: a crowd in place of its last event."""
        found = list(crowds(entries))
        ends = {crowd.entries[-1].position: crowd for crowd in found}
        crowded = {entry.position for crowd in found for entry in crowd.entries}
        skipped = {entry.position for crowd in found if crowd.position == skipping for entry in crowd.entries}
        deliveries = []
        for entry in entries:
            if entry.position == skipping or entry.position in skipped:
                await self._set_aside(entry, "skipped by an operator")
                continue
            deliveries += [self._own(entry)] if entry.position in crowded else await self._of_event(entry)
            if (crowd := ends.get(entry.position)) is not None:
                deliveries.append(await self._of_crowd(crowd))
        return deliveries

    def late(self, entry: Entry, told: ToldAtOnce, changes: LeaseChanges) -> Delivery:
        """An event that was published at once, for those who have become warm since, and those who had turned cold."""
        audience = told.audience
        users = frozenset(changes.warmed).intersection(audience.members) - told.users
        self._count_left_out(audience)
        markers = self._markers(self._turned_cold(audience) - told.users, entry)
        return Delivery(entry, [UserChunk(users)] if users else [], tuple(markers))

    def _own(self, entry: Entry) -> Delivery:
        """An event of a crowd, for the one who joined or left."""
        user_id = entry.event.actor
        if not self._audiences.owns(user_id):
            return Delivery(entry, (), ())
        is_warm = self._warm_users.is_warm(user_id)
        chunks = (UserChunk(frozenset([user_id])),) if is_warm else ()
        return Delivery(entry, chunks, tuple(self._markers({user_id}, entry)))

    async def _of_crowd(self, crowd: Crowd) -> Delivery:
        """The crowd, for those who are members after its last event. Those who joined got their own events before."""
        audience = await self._audiences.before(crowd.entries[0].event, self._connection)
        chunks = audience.advance_crowd(crowd.events)
        if chunks:
            await self._tail.encode_crowd(crowd)
        self._count_left_out(audience)
        return Delivery(crowd, chunks, tuple(self._markers(self._turned_cold(audience), crowd)))

    async def _of_event(self, entry: Entry) -> list[Delivery]:
        """The event and its recipients as of its version; apart from them those who may not read what it changed."""
        audience = await self._audiences.before(entry.event, self._connection)
        chunks = audience.advance(entry.event)
        self._count_left_out(audience)
        markers = self._markers(self._turned_cold(audience), entry)
        erases = isinstance(entry.event, Room.ContentErased | Room.UserErased)
        forgetting = await self._audiences.ever(entry.event, self._connection) if erases else ()
        blind = await self._audiences.blind_to(entry.event, self._connection)
        seeing, unseeing = split(chunks, blind) if blind else (chunks, [])
        return [
            Delivery(entry, seeing, tuple(markers), forgetting),
            *([Delivery(entry.withheld, unseeing, ())] if unseeing else []),
        ]

    def _count_left_out(self, audience: Audience) -> None:
        self._counts.left_out += max(0, len(audience.members) - len(audience.warm_members))

    def _turned_cold(self, audience: Audience) -> Set[UserId]:
        """Recipients who are no longer warm, and may have to be told."""
        return audience.recipients_among(self._warm_users.unnotified.keys())

    def _markers(self, recipients: Set[UserId], entry: Entry | Crowd) -> Iterator[PublicationPiece]:
        """The `feed_paused` of those who turned cold, in place of the first event they no longer get."""
        unnotified = self._warm_users.unnotified
        for cold in (recipients & unnotified.keys()) - self.notified:
            self.notified.add(cold)
            data = msgspec.json.encode(FeedPaused(Position(entry.position - 1)))
            # Both are part of the key. After a reset, the lane may announce a later lease's end at this position; in a
            # log that went back, the end of the same lease at another event.
            key = f"paused:{cold}:{unnotified[cold].isoformat()}:{entry.hash.hex()}"
            publication = Publication(Channels([personal_channel(cold)]), data, key)
            yield PublicationPiece(entry, publication, frozenset([cold]))
