"""Publications to large audiences, cut into pieces that wait: a room of 2 does not wait for a room of 100,000."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from centrifugo.publisher import PER_CALL, Publication
from domain.values import RoomId, UserId
from eventstore.values import Position
from projections.fanout.publications import Crowd, Entry


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
    def position(self) -> Position:
        """The position of the oldest event that is not completely published."""
        return min(event[0].entry.position for event in self._events)  # a crowd's is that of its first event

    def full_rooms(self, limit: int) -> set[RoomId]:
        """The rooms with at least `limit` events in the backlog."""
        waiting = Counter(_room_of(event[0].entry) for event in self._events)
        return {room_id for room_id, count in waiting.items() if count >= limit}

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


def rooms_that_wait(full: Set[RoomId], users: Mapping[RoomId, Set[UserId]]) -> set[RoomId]:
    """The full rooms, and all that share a user with one that waits.

    So all of a user's publications wait or none does, and their order holds. `users` has the users of each room.
    """
    waiting, remaining = set[RoomId](), dict(users)
    affected: set[UserId] = set()
    while found := [room for room, those in remaining.items() if room in full or not affected.isdisjoint(those)]:
        waiting.update(found)
        affected.update(*(remaining.pop(room) for room in found))
    return waiting


def _room_of(entry: Entry | Crowd) -> RoomId:
    return RoomId(entry.entries[0].event.originator_id)
