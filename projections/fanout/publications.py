"""Events as publications carry them: encoded once a process, however many lanes and channels they go to."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from domain.room import RoomEvent
from eventstore.log import Recorded
from eventstore.values import Position, Version
from projections.readmodels.bodies import Bodies
from projections.readmodels.shapes import Body


class Told(msgspec.Struct, frozen=True):
    """The data of a publication."""

    type: str
    version: Version
    position: Position
    body: Body


class FeedPaused(msgspec.Struct, frozen=True, tag_field="type", tag="feed_paused"):
    """Publications to this channel pause after `position`: whoever reads it fetches a token, then the feed."""

    position: Position


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and the data of its publication."""

    position: Position
    event: RoomEvent
    data: bytes

    @property
    def key(self) -> str:
        """The idempotency key: derived from the fact, so that a repeat carries the same."""
        return f"{self.event.originator_id}:{self.event.originator_version}"


class Publications:
    """Turns events of the log into entries."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._encode = msgspec.json.Encoder().encode

    async def of(self, batch: Sequence[Recorded[RoomEvent]]) -> list[Entry]:
        """The entries of a batch, in its order."""
        told = await self._bodies.of(batch)
        return [
            Entry(
                recorded.position,
                recorded.event,
                self._encode(Told(event.type, event.version, event.position, event.body)),
            )
            for recorded, event in zip(batch, told, strict=True)
        ]
