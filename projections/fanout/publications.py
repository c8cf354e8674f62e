"""Events as publications carry them, encoded once per process for all lanes and channels."""

from collections.abc import Sequence

import msgspec

from centrifugo.publisher import Channels, Publication
from domain.room import RoomEvent
from eventstore.log import Recorded
from eventstore.values import Position, Version
from projections.readmodels.bodies import Bodies
from projections.readmodels.shapes import Body


class PublicationData(msgspec.Struct, frozen=True):
    """The data of a publication, before encoding."""

    type: str
    version: Version
    position: Position
    body: Body


class FeedPaused(msgspec.Struct, frozen=True, tag_field="type", tag="feed_paused"):
    """Publications to this channel pause after `position`. The client fetches a token, then the feed."""

    position: Position


class Entry:
    """An event of the log, and the data of its publication once a lane needs it.

    While a lane catches up, most events have no warm recipients; their data is never encoded.
    """

    __slots__ = ("data", "recorded")

    def __init__(self, recorded: Recorded[RoomEvent]) -> None:
        self.recorded = recorded
        self.data: bytes | None = None

    @property
    def position(self) -> Position:
        return self.recorded.position

    @property
    def event(self) -> RoomEvent:
        return self.recorded.event

    @property
    def key(self) -> str:
        """The idempotency key, derived from the event, so that a repeat carries the same key."""
        return f"{self.event.originator_id}:{self.event.originator_version}"

    def publication(self, channels: Channels) -> Publication:
        """The publication to these channels, once the data is encoded."""
        assert self.data is not None, "the data of an entry is encoded before it is published"
        return Publication(channels, self.data, self.key)


class Publications:
    """Encodes the data of publications, once per process for all lanes and channels."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._encode = msgspec.json.Encoder().encode

    async def encode(self, entries: Sequence[Entry]) -> None:
        """Fill in the data of the entries that lack it. Raises StoreUnavailable."""
        missing = [entry for entry in entries if entry.data is None]
        if not missing:
            return
        events = await self._bodies.of([entry.recorded for entry in missing])
        for entry, event in zip(missing, events, strict=True):
            entry.data = self._encode(PublicationData(event.type, event.version, event.position, event.body))
