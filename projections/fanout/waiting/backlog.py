"""Publications to large audiences, cut into pieces that wait: a room of 2 does not wait for a room of 100,000."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from centrifugo.publisher import PER_CALL, Publication
from domain.values import RoomId, UserId
from projections.fanout.publications import Crowd, Entry

SMALL_AUDIENCE = 200
"""A publication to at most this many channels may overtake bigger ones that wait in the backlog."""


def may_overtake(channels: int) -> bool:
    """Whether a publication to so many channels goes out at once."""
    return channels <= SMALL_AUDIENCE


@dataclass(frozen=True, slots=True, eq=False)
class PublicationPiece:
    """The publication of one event, or of a crowd, to at most `PER_CALL` of its users."""

    entry: Entry | Crowd
    publication: Publication
    users: Set[UserId]


class Backlog:
    """The waiting pieces of several events, in log order. Only pieces that share a user must keep that order."""

    def __init__(self) -> None:
        self._events: list[list[PublicationPiece]] = []  # by event, ascending; the pieces of one have no user in common

    @property
    def oldest(self) -> Entry | None:
        """The oldest event that is not completely published; of a crowd, its first."""
        return min(
            (event[0].entry.entries[0] for event in self._events), key=lambda entry: entry.position, default=None
        )

    def by_room(self) -> Counter[RoomId]:
        """How many publications of each room wait."""
        return Counter(event[0].entry.entries[0].room_id for event in self._events)

    def add(self, pieces: Sequence[PublicationPiece]) -> None:
        """Append the pieces of the next event."""
        self._events.append(list(pieces))

    def __len__(self) -> int:
        return len(self._events)

    def next(self) -> list[PublicationPiece]:
        """The oldest pieces, as many as fit into one call."""
        pieces: list[PublicationPiece] = []
        channels = 0
        for piece in chain.from_iterable(self._events):
            channels += len(piece.users)
            if pieces and channels > PER_CALL:
                break
            pieces.append(piece)
        return pieces

    def before(self, users: Set[UserId]) -> list[PublicationPiece]:
        """The pieces to publish before a publication to `users`, in log order.

        Those that share a user with it, and older ones that share a user with those.
        """
        needed: list[PublicationPiece] = []
        affected = set(users)
        for event in reversed(self._events):
            shared = [piece for piece in event if not piece.users.isdisjoint(affected)]
            needed = shared + needed
            if event is not self._events[0]:
                affected.update(*(piece.users for piece in shared))
        return needed

    def remove(self, published: Iterable[PublicationPiece]) -> None:
        """Remove published pieces."""
        done = set(published)
        if not done:
            return
        remaining = ([piece for piece in event if piece not in done] for event in self._events)
        self._events = [event for event in remaining if event]
